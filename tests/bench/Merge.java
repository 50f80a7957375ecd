/* Merge -- makes the benches' Avro files, and merges them as Java does it: appendAllFrom, which copies blocks unseen. */
import java.io.File;
import java.util.Arrays;
import java.util.Random;
import org.apache.avro.Schema;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;

public class Merge {
	static final Schema SCHEMA = new Schema.Parser().parse("{\"type\":\"record\",\"name\":\"Registration\",\"namespace\":\"example\",\"fields\":["
		+ "{\"name\":\"globalUserId\",\"type\":\"string\"},{\"name\":\"email\",\"type\":[\"null\",\"string\"]},"
		+ "{\"name\":\"phone\",\"type\":[\"null\",\"string\"]},{\"name\":\"market\",\"type\":\"string\"},"
		+ "{\"name\":\"score\",\"type\":\"double\"},{\"name\":\"tags\",\"type\":{\"type\":\"array\",\"items\":\"string\"}},"
		+ "{\"name\":\"at\",\"type\":{\"type\":\"long\",\"logicalType\":\"timestamp-millis\"}}]}");

	static void make(File dir, String codec, int files, int records) throws Exception {
		Random random = new Random(7);
		for (int f = 0; f < files; f++)
			try (DataFileWriter<GenericRecord> out = new DataFileWriter<>(new GenericDatumWriter<GenericRecord>(SCHEMA))) {
				out.setCodec(CodecFactory.fromString(codec));
				out.create(SCHEMA, new File(dir, String.format("%02d.avro", f)));
				for (int i = 0; i < records; i++) {
					GenericRecord r = new GenericData.Record(SCHEMA);
					r.put("globalUserId", String.format("%016x%08x", random.nextLong(), f * records + i));
					r.put("email", i % 20 == 0 ? null : "fan" + random.nextInt(100000000) + "@post" + random.nextInt(500) + ".example");
					r.put("phone", i % 10 == 0 ? null : "+1212555" + random.nextInt(10000));
					r.put("market", "M" + random.nextInt(60));
					r.put("score", random.nextInt(1000001) / 1e6);
					r.put("tags", i % 8 == 0 ? Arrays.asList("phone-unconfirmed", "no-email") : Arrays.asList());
					r.put("at", 1764000000000L + random.nextInt(86400000));
					out.append(r);
				}
			}
	}

	static void append(File target, String[] sources, int from) throws Exception {
		DataFileWriter<GenericRecord> out = new DataFileWriter<>(new GenericDatumWriter<GenericRecord>());
		for (int i = from; i < sources.length; i++)
			try (DataFileReader<GenericRecord> in = new DataFileReader<>(new File(sources[i]), new GenericDatumReader<GenericRecord>())) {
				if (i == from) {
					String codec = in.getMetaString("avro.codec");
					out.setCodec(CodecFactory.fromString(codec == null ? "null" : codec));
					out.create(in.getSchema(), target);
				}
				out.appendAllFrom(in, false);
			}
		out.close();
	}

	public static void main(String[] args) throws Exception {
		if (args[0].equals("make"))
			make(new File(args[1]), args[2], Integer.parseInt(args[3]), Integer.parseInt(args[4]));
		else
			append(new File(args[1]), args, 2);
	}
}
