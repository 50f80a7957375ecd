// AvroFile -- Avro files by Apache's Java library (Debian: libavro-java), in the plain form of avrofile.py.
//
//   AvroFile read FILE.avro
//   AvroFile write SCHEMA CODEC FILE.plain OUT.avro [RECORDS]   a block every RECORDS records
//   AvroFile form SCHEMA...   Parsing Canonical Form and fingerprint of each
import java.io.BufferedReader;
import java.io.File;
import java.io.PrintStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Paths;
import java.util.ArrayList;
import java.util.List;
import org.apache.avro.Schema;
import org.apache.avro.SchemaNormalization;
import org.apache.avro.file.CodecFactory;
import org.apache.avro.file.DataFileReader;
import org.apache.avro.file.DataFileWriter;
import org.apache.avro.generic.GenericData;
import org.apache.avro.generic.GenericDatumReader;
import org.apache.avro.generic.GenericDatumWriter;
import org.apache.avro.generic.GenericRecord;

public class AvroFile {
	static String joined(Object list) {
		StringBuilder s = new StringBuilder();
		for (Object item : (List<?>)list)
			s.append('\u001f').append(item);
		return s.toString();
	}

	static String plain(Object v) {
		if (v == null)
			return "\\N";
		if (v instanceof Double)
			return String.format("%016x", Double.doubleToRawLongBits((Double)v));
		if (v instanceof Float)
			return String.format("%08x", Float.floatToRawIntBits((Float)v));
		if (v instanceof ByteBuffer)
			return StandardCharsets.UTF_8.decode(((ByteBuffer)v).duplicate()).toString();
		return v instanceof List ? joined(v) : v.toString();
	}

	static void read(String file, PrintStream out) throws Exception {
		try (DataFileReader<GenericRecord> in = new DataFileReader<>(new File(file), new GenericDatumReader<GenericRecord>())) {
			int n = in.getSchema().getFields().size();
			GenericRecord r = null;
			while (in.hasNext()) {
				r = in.next(r);
				for (int i = 0; i < n; i++)
					out.print((i > 0 ? "\t" : "") + plain(r.get(i)));
				out.print('\n');
			}
		}
	}

	static Schema valueOf(Schema s) {
		if (s.getType() != Schema.Type.UNION)
			return s;
		return s.getTypes().get(s.getTypes().get(0).getType() == Schema.Type.NULL ? 1 : 0);
	}

	static Object value(Schema s, String text) {
		if (text.equals("\\N"))
			return null;
		s = valueOf(s);
		switch (s.getType()) {
		case INT:
			return Integer.valueOf(text);
		case LONG:
			return Long.valueOf(text);
		case DOUBLE:
			return Double.longBitsToDouble(Long.parseUnsignedLong(text, 16));
		case FLOAT:
			return Float.intBitsToFloat(Integer.parseUnsignedInt(text, 16));
		case BOOLEAN:
			return Boolean.valueOf(text);
		case BYTES:
			return ByteBuffer.wrap(text.getBytes(StandardCharsets.UTF_8));
		case ENUM:
			return new GenericData.EnumSymbol(s, text);
		case ARRAY:
			List<String> items = new ArrayList<>();
			if (!text.isEmpty())
				for (String item : text.substring(1).split("\u001f", -1))
					items.add(item);
			return items;
		default:
			return text;
		}
	}

	static void write(String schemaFile, String codec, String source, String target, int every) throws Exception {
		Schema schema = new Schema.Parser().parse(new File(schemaFile));
		try (DataFileWriter<GenericRecord> out = new DataFileWriter<>(new GenericDatumWriter<GenericRecord>(schema));
			BufferedReader in = Files.newBufferedReader(Paths.get(source), StandardCharsets.UTF_8)) {
			out.setCodec(CodecFactory.fromString(codec));
			if (every > 1)
				out.setSyncInterval(100_000_000);	// only where we say
			out.create(schema, new File(target));
			String line;
			for (long n = 1; (line = in.readLine()) != null; n++) {
				String[] v = line.split("\t", -1);
				GenericRecord r = new GenericData.Record(schema);
				for (int i = 0; i < v.length; i++)
					r.put(i, value(schema.getFields().get(i).schema(), v[i]));
				out.append(r);
				if (every > 0 && n % every == 0)
					out.sync();
			}
		}
	}

	static void form(String text, PrintStream out) throws Exception {
		Schema schema = new Schema.Parser().parse(text);
		StringBuilder hex = new StringBuilder();
		for (byte b : SchemaNormalization.parsingFingerprint("CRC-64-AVRO", schema))
			hex.append(String.format("%02x", b));
		out.print(hex + " " + SchemaNormalization.toParsingForm(schema) + "\n");
	}

	public static void main(String[] a) throws Exception {
		PrintStream out = new PrintStream(new java.io.FileOutputStream(java.io.FileDescriptor.out), false, "UTF-8");
		if (a.length == 2 && a[0].equals("read"))
			read(a[1], out);
		else if (a.length >= 5 && a[0].equals("write"))
			write(a[1], a[2], a[3], a[4], a.length > 5 ? Integer.parseInt(a[5]) : 0);
		else if (a.length == 2 && a[0].equals("form"))
			for (String line : Files.readAllLines(Paths.get(a[1]), StandardCharsets.UTF_8))
				form(line, out);
		else
			System.exit(2);
		out.flush();
		if (out.checkError())
			System.exit(1);
	}
}
