package segments.kafka;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.apache.beam.sdk.io.kafka.KafkaRecord;

/**
 * Many records in one element. All numbers are little-endian:
 *
 * <pre>
 * magic    4 bytes   SGP1
 * count    uint32    number of records
 * entries  24 bytes for each record:
 *   partition  int32
 *   length     int32   of the value in bytes, -1 for a record without a value
 *   offset     int64
 *   timestamp  int64   in milliseconds since the epoch
 * values   one after another, each followed by one newline that its length excludes; nothing at length -1
 * </pre>
 */
public final class Pack {
  private static final byte[] MAGIC = "SGP1".getBytes(StandardCharsets.US_ASCII);
  private static final int HEADER_BYTES = MAGIC.length + Integer.BYTES;
  private static final int ENTRY_BYTES = 24;
  private static final int NO_VALUE = -1;

  private final List<KafkaRecord<byte[], byte[]>> records = new ArrayList<>();
  private long bytes = HEADER_BYTES;
  private long leastTimestamp = Long.MAX_VALUE;

  /** Appends a record; its key is not kept. */
  public void add(KafkaRecord<byte[], byte[]> record) {
    records.add(record);
    byte[] value = record.getKV().getValue();
    bytes += ENTRY_BYTES + (value == null ? 0 : value.length + 1);
    leastTimestamp = Math.min(leastTimestamp, record.getTimestamp());
  }

  /** Number of records. */
  public int count() {
    return records.size();
  }

  /** Size of the encoded pack in bytes. */
  public long bytes() {
    return bytes;
  }

  /** Least timestamp of the records, in milliseconds since the epoch. */
  public long leastTimestamp() {
    return leastTimestamp;
  }

  /**
   * The pack in the layout above.
   *
   * @throws ArithmeticException if it exceeds 2 GB
   */
  public byte[] encode() {
    ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(bytes)).order(ByteOrder.LITTLE_ENDIAN);
    out.put(MAGIC).putInt(records.size());
    for (KafkaRecord<byte[], byte[]> record : records) {
      byte[] value = record.getKV().getValue();
      out.putInt(record.getPartition()).putInt(value == null ? NO_VALUE : value.length);
      out.putLong(record.getOffset()).putLong(record.getTimestamp());
    }
    for (KafkaRecord<byte[], byte[]> record : records) {
      byte[] value = record.getKV().getValue();
      if (value != null) {
        out.put(value).put((byte) '\n');
      }
    }
    return out.array();
  }
}
