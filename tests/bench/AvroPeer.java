/* AvroPeer -- the benches' work on Avro files as Apache's Java library does it best. */
import java.io.BufferedOutputStream;
import java.io.BufferedReader;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStreamReader;
import java.io.OutputStreamWriter;
import java.io.Writer;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.time.LocalDate;
import org.apache.avro.Schema;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;

public class AvroPeer {
	/* appendAllFrom copies blocks unseen. */
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

	static int two(String s, int at) {
		return (s.charAt(at) - '0') * 10 + s.charAt(at + 1) - '0';
	}

	static long millis(String s) {
		return (LocalDate.of(two(s, 0) * 100 + two(s, 2), two(s, 5), two(s, 8)).toEpochDay() * 86400L + two(s, 11) * 3600 + two(s, 14) * 60
			+ two(s, 17)) * 1000;
	}

	/* The quotes of the benches' file are around plain text. */
	static void split(String line, String[] fields) {
		int at = 0;
		for (int i = 0; i < fields.length; i++) {
			int comma = i + 1 < fields.length ? line.indexOf(',', at) : line.length();
			boolean quoted = comma - at >= 2 && line.charAt(at) == '"';
			fields[i] = quoted ? line.substring(at + 1, comma - 1) : line.substring(at, comma);
			at = comma + 1;
		}
	}

	static String optional(String s) {
		return s.isEmpty() ? null : s;
	}

	static void write(File schemaFile, int level, File source, File target) throws Exception {
		Schema schema = new Schema.Parser().parse(schemaFile);
		String[] f = new String[7];
		try (BufferedReader in = new BufferedReader(new InputStreamReader(new FileInputStream(source), StandardCharsets.UTF_8), 1 << 16);
			DataFileWriter<GenericRecord> out = new DataFileWriter<>(new GenericDatumWriter<GenericRecord>(schema))) {
			out.setCodec(level > 0 ? CodecFactory.deflateCodec(level) : CodecFactory.nullCodec());
			out.setSyncInterval(256000);
			out.create(schema, target);
			GenericRecord r = new GenericData.Record(schema);
			in.readLine();
			for (String line; (line = in.readLine()) != null;) {
				split(line, f);
				r.put(0, f[0]);
				r.put(1, optional(f[1]));
				r.put(2, optional(f[2]));
				r.put(3, f[3]);
				r.put(4, Double.parseDouble(f[4]));
				r.put(5, f[5].equals("true"));
				r.put(6, millis(f[6]));
				out.append(r);
			}
		}
	}

	static void read(File source, File target) throws Exception {
		try (DataFileReader<GenericRecord> in = new DataFileReader<>(source, new GenericDatumReader<GenericRecord>());
			Writer out = new OutputStreamWriter(new BufferedOutputStream(new FileOutputStream(target), 1 << 16), StandardCharsets.UTF_8)) {
			StringBuilder s = new StringBuilder();
			String comma = "";
			for (Schema.Field f : in.getSchema().getFields()) {
				s.append(comma).append(f.name());
				comma = ",";
			}
			s.append('\n');
			for (GenericRecord r = null; in.hasNext();) {
				r = in.next(r);
				for (int i = 0; i < 6; i++)
					s.append(r.get(i) == null ? "" : r.get(i)).append(',');
				s.append(Instant.ofEpochMilli((Long)r.get(6))).append('\n');
				if (s.length() > 60000) {
					out.append(s);
					s.setLength(0);
				}
			}
			out.append(s);
		}
	}

	public static void main(String[] args) throws Exception {
		switch (args[0]) {
		case "append":
			append(new File(args[1]), args, 2);
			break;
		case "write":
			write(new File(args[1]), Integer.parseInt(args[2]), new File(args[3]), new File(args[4]));
			break;
		case "read":
			read(new File(args[1]), new File(args[2]));
			break;
		default:
			throw new IllegalArgumentException(args[0]);
		}
	}
}
