package segments.kafka;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.ExecutorService;
import org.apache.beam.sdk.io.UnboundedSource;
import org.apache.beam.sdk.io.UnboundedSource.CheckpointMark;
import org.apache.beam.sdk.io.UnboundedSource.UnboundedReader;
import org.apache.beam.sdk.io.kafka.KafkaRecord;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.vendor.guava.v32_1_2_jre.com.google.common.util.concurrent.MoreExecutors;
import org.joda.time.Instant;
import org.junit.Test;

public class PackedReaderTest {
  private final FakeReader records = new FakeReader();
  private final FakeReader neighbour = new FakeReader();
  private final PackConfig config = new PackConfig();
  private final FakeOffsets offsets = new FakeOffsets();
  private final Patience patience = new Patience();
  private final ExecutorService here = MoreExecutors.newDirectExecutorService();
  private final EventTime time =
      new EventTime(
          config,
          new ReadPositions(),
          new TopicClock(offsets, config, here, () -> 0),
          new NewPartitions(offsets, any -> true, List.of(0), here, () -> 0),
          () -> 0);
  private long nanos = Long.MAX_VALUE - 1_000;

  private PackedReader reader() {
    return reader(records);
  }

  private PackedReader reader(FakeReader of) {
    return new PackedReader(null, of, config, () -> nanos, time, this::grown, () -> patience);
  }

  private UnboundedReader<KafkaRecord<byte[], byte[]>> grown(
      UnboundedReader<KafkaRecord<byte[], byte[]>> before, Collection<Integer> added) throws IOException {
    before.close();
    assertEquals(List.of(1), List.copyOf(added));
    return neighbour;
  }

  private void queue(int count) {
    records.queue(count);
  }

  private static int count(PackedReader reader) {
    return ByteBuffer.wrap(reader.getCurrent()).order(ByteOrder.LITTLE_ENDIAN).getInt(4);
  }

  @Test
  public void startPacksWhatIsThere() throws IOException {
    queue(3);
    PackedReader reader = reader();
    assertTrue(reader.start());
    assertEquals(3, count(reader));
    assertEquals(Instant.ofEpochMilli(98), reader.getCurrentTimestamp());
  }

  @Test
  public void anEmptyQueueYieldsNothing() throws IOException {
    PackedReader reader = reader();
    assertFalse(reader.start());
    assertFalse(reader.advance());
    assertThrows(NoSuchElementException.class, reader::getCurrent);
    assertThrows(NoSuchElementException.class, reader::getCurrentTimestamp);
    queue(1);
    assertTrue(reader.advance());
    assertEquals(1, count(reader));
    assertFalse(reader.advance());
    assertThrows(NoSuchElementException.class, reader::getCurrent);
  }

  @Test
  public void aRecordThatComesSoonIsWaitedFor() throws IOException {
    queue(1);
    records.hidden = 10;
    assertTrue(reader().start());
  }

  @Test
  public void aRecordThatComesLaterIsLeftToTheNextStep() throws IOException {
    queue(1);
    records.hidden = 30;
    PackedReader reader = reader();
    assertFalse(reader.start());
    assertTrue(reader.advance());
  }

  @Test
  public void aReaderWithoutRecordsDoesNotKeepABusyOneWaiting() throws IOException {
    PackedReader idle = reader();
    PackedReader busy = reader(neighbour);
    neighbour.queue(2_000);
    assertFalse(idle.start());
    assertTrue(busy.start());
    long before = nanos;
    assertFalse(idle.advance());
    assertEquals(1_000_000, nanos - before);
    assertTrue(busy.advance());
    nanos += 20_000_000;
    before = nanos;
    assertFalse(idle.advance());
    assertEquals("one look, and half of the patience", 11_000_000, nanos - before);
  }

  @Test
  public void aReaderThatIsLeftAloneWaitsForItself() throws IOException {
    PackedReader closed = reader(neighbour);
    neighbour.queue(1);
    assertTrue(closed.start());
    closed.close();
    queue(1);
    records.hidden = 10;
    assertTrue(reader().start());
  }

  @Test
  public void aPackHoldsAtMostMaxRecordsAndTheMarkExactlyThem() throws IOException {
    config.setMaxRecords(4L);
    queue(10);
    PackedReader reader = reader();
    int[] counts = {4, 4, 2};
    int total = 0;
    boolean more = reader.start();
    for (int expected : counts) {
      assertTrue(more);
      assertEquals(expected, count(reader));
      total += expected;
      assertEquals(total, ((FakeMark) reader.getCheckpointMark()).given);
      more = reader.advance();
    }
    assertFalse(more);
    assertEquals(10, ((FakeMark) reader.getCheckpointMark()).given);
  }

  @Test
  public void aPackIsClosedWhenItReachesMaxBytes() throws IOException {
    config.setMaxBytes(8L + 2 * (24 + 6));
    queue(5);
    PackedReader reader = reader();
    assertTrue(reader.start());
    assertEquals(2, count(reader));
  }

  @Test
  public void aRecordOverMaxBytesIsAPackOfItsOwn() throws IOException {
    config.setMaxBytes(1L);
    queue(2);
    PackedReader reader = reader();
    assertTrue(reader.start());
    assertEquals(1, count(reader));
    assertTrue(reader.advance());
    assertEquals(1, count(reader));
  }

  @Test
  public void aPackIsClosedAfterPackMillisAcrossTheClocksOverflow() throws IOException {
    queue(10);
    records.nanosEach = 2_000_000;
    PackedReader reader = reader();
    assertTrue(reader.start());
    assertEquals(4, count(reader));
  }

  @Test
  public void theBacklogIsTheWrappedReadersAndItsTimesAreAskedForWithTheWatermark() throws IOException {
    PackedReader reader = reader();
    assertEquals(BoundedWindow.TIMESTAMP_MIN_VALUE, reader.getWatermark());
    assertEquals(1, records.watermarks);
    assertEquals(77, reader.getSplitBacklogBytes());
  }

  @Test
  public void aPartitionThatIsAddedIsReadFromTheNextStepOn() throws IOException {
    offsets.partitions = 2;
    queue(2);
    neighbour.queue(3);
    PackedReader reader = reader();
    assertTrue(reader.start());
    assertEquals(2, count(reader));
    reader.getWatermark();
    assertTrue(reader.advance());
    assertEquals(3, count(reader));
    assertTrue(records.closed);
    assertEquals(3, ((FakeMark) reader.getCheckpointMark()).given);
  }

  @Test
  public void closingClosesBothAlthoughTheReaderFails() {
    records.failure = new IOException("broker gone");
    PackedReader reader = reader();
    assertEquals("broker gone", assertThrows(IOException.class, reader::close).getMessage());
    assertTrue(offsets.closed);
  }

  private static final class FakeMark implements CheckpointMark {
    final int given;

    FakeMark(int given) {
      this.given = given;
    }

    @Override
    public void finalizeCheckpoint() {}
  }

  private final class FakeReader extends UnboundedReader<KafkaRecord<byte[], byte[]>> {
    final Deque<KafkaRecord<byte[], byte[]>> queue = new ArrayDeque<>();
    long nanosEach;
    int hidden;
    IOException failure;
    int watermarks;
    boolean closed;
    private KafkaRecord<byte[], byte[]> current;
    private int given;

    void queue(int count) {
      for (int i = 0; i < count; i++) {
        queue.add(Records.record(0, queue.size(), 100 - queue.size(), "value"));
      }
    }

    @Override
    public boolean start() {
      return advance();
    }

    @Override
    public boolean advance() {
      nanos += nanosEach;
      if (hidden > 0 || queue.isEmpty()) {
        hidden--;
        nanos += 1_000_000;
        return false;
      }
      current = queue.poll();
      given++;
      return true;
    }

    @Override
    public KafkaRecord<byte[], byte[]> getCurrent() {
      return current;
    }

    @Override
    public Instant getCurrentTimestamp() {
      return Instant.ofEpochMilli(current.getTimestamp());
    }

    @Override
    public Instant getWatermark() {
      watermarks++;
      return Instant.ofEpochMilli(42);
    }

    @Override
    public long getSplitBacklogBytes() {
      return 77;
    }

    @Override
    public CheckpointMark getCheckpointMark() {
      return new FakeMark(given);
    }

    @Override
    public UnboundedSource<KafkaRecord<byte[], byte[]>, ?> getCurrentSource() {
      throw new UnsupportedOperationException();
    }

    @Override
    public void close() throws IOException {
      closed = true;
      if (failure != null) {
        throw failure;
      }
    }
  }
}
