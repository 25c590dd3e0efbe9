package segments.kafka;

import static org.junit.Assert.assertArrayEquals;
import static org.junit.Assert.assertEquals;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import org.junit.Test;

public class PackTest {
  @Test
  public void layoutIsLittleEndianWithOneNewlineAfterEachValue() {
    Pack pack = new Pack();
    pack.add(Records.record(3, 7, 1_000, "ab"));
    pack.add(Records.record(0, -1L >>> 1, 900, ""));

    ByteBuffer expected = ByteBuffer.allocate(8 + 2 * 24 + 3 + 1).order(ByteOrder.LITTLE_ENDIAN);
    expected.put("SGP1".getBytes(StandardCharsets.US_ASCII)).putInt(2);
    expected.putInt(3).putInt(2).putLong(7).putLong(1_000);
    expected.putInt(0).putInt(0).putLong(Long.MAX_VALUE).putLong(900);
    expected.put("ab\n\n".getBytes(StandardCharsets.US_ASCII));
    assertArrayEquals(expected.array(), pack.encode());
    assertEquals(expected.array().length, pack.bytes());
    assertEquals(900, pack.leastTimestamp());
  }

  @Test
  public void aNullValueHasLengthMinusOneAndNoNewline() {
    Pack pack = new Pack();
    pack.add(Records.record(1, 5, 20, null));
    pack.add(Records.record(1, 6, 30, "x"));

    ByteBuffer bytes = ByteBuffer.wrap(pack.encode()).order(ByteOrder.LITTLE_ENDIAN);
    assertEquals(8 + 2 * 24 + 2, bytes.capacity());
    assertEquals(-1, bytes.getInt(8 + 4));
    assertEquals(1, bytes.getInt(8 + 24 + 4));
    assertEquals('x', bytes.get(8 + 48));
    assertEquals('\n', bytes.get(8 + 49));
  }
}
