package segments.kafka;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.LongStream;
import org.apache.beam.sdk.transforms.windowing.BoundedWindow;
import org.apache.beam.vendor.guava.v32_1_2_jre.com.google.common.util.concurrent.MoreExecutors;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.ConsumerRecords;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.TopicPartition;
import org.joda.time.Instant;
import org.junit.Before;
import org.junit.Test;

/** A reader of two partitions, in the present of the wall clock unless a test says otherwise. */
public class EventTimeTest {
  private static final long MINUTE = 60_000;
  private static final long DAY = 24 * 60 * MINUTE;
  private static final long BEGINNING = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();
  private static final TopicPartition FIRST = new TopicPartition("events", 0);
  private static final TopicPartition SECOND = new TopicPartition("events", 1);

  private final PackConfig config = new PackConfig();
  private final ReadPositions positions = new ReadPositions();
  private final FakeOffsets offsets = new FakeOffsets();
  private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>(OffsetResetStrategy.NONE);
  private final Map<TopicPartition, Long> given = new HashMap<>();
  private final Map<TopicPartition, Long> backlog = new HashMap<>();
  private final long start = 1_700_000_000_000L;
  private long now = start;
  private EventTime time;

  @Before
  public void read() {
    offsets.partitions = 2;
    read(FIRST, SECOND);
  }

  private void read(TopicPartition... partitions) {
    consumer.assign(List.of(partitions));
    for (TopicPartition partition : partitions) {
      consumer.seek(partition, 0);
    }
    time = resumed();
    for (TopicPartition partition : partitions) {
      given.put(partition, 0L);
      backlog.put(partition, 0L);
      time.policy(partition, Optional.empty());
      poll(partition);
    }
  }

  private EventTime resumed() {
    List<Integer> known = new ArrayList<>();
    consumer.assignment().forEach(partition -> known.add(partition.partition()));
    NewPartitions arrivals =
        new NewPartitions(offsets, added -> added > 1, known, MoreExecutors.newDirectExecutorService(), () -> now);
    TopicClock clock = new TopicClock(offsets, config, MoreExecutors.newDirectExecutorService(), () -> now);
    return new EventTime(config, positions, clock, arrivals, () -> now);
  }

  /** A record is written, fetched and given out. */
  private void record(TopicPartition partition, long timestamp) {
    long offset = given.merge(partition, 1L, Long::sum) - 1;
    poll(partition);
    EventTimePolicy policy = time.policy(partition, Optional.empty());
    policy.getTimestampForRecord(null, Records.record(partition.partition(), offset, timestamp, "a"));
    long[] before = offsets.tails.getOrDefault(partition, new long[0]);
    LongStream tail = LongStream.concat(Arrays.stream(before), LongStream.of(timestamp));
    offsets.tails.put(partition, tail.skip(Math.max(0, before.length + 1 - TopicClock.TAIL)).toArray());
  }

  /** The consumer looks: all that was given out, and so many more records are there that it has not fetched. */
  private void poll(TopicPartition partition) {
    long position = given.get(partition);
    long end = position + backlog.get(partition);
    offsets.ends.put(partition, end);
    consumer.updateEndOffsets(Map.of(partition, end));
    consumer.seek(partition, position);
    List<ConsumerRecord<byte[], byte[]>> records =
        position == 0
            ? List.of()
            : List.of(new ConsumerRecord<>("events", partition.partition(), position - 1, null, null));
    positions.polled(consumer, new ConsumerRecords<>(Map.of(partition, records)));
  }

  private void backlog(TopicPartition partition, long records) {
    backlog.put(partition, records);
    poll(partition);
  }

  /** As it is when the brokers have said again that there are no new partitions. */
  private long watermark() {
    now += NewPartitions.ROUND_MILLIS;
    return time.watermark().getMillis();
  }

  /** Each second a record in each of the partitions, and looks at the watermark. */
  private void traffic(int seconds, long shift, TopicPartition... partitions) {
    for (int i = 0; i < seconds; i++) {
      for (TopicPartition partition : partitions) {
        record(partition, now + shift);
      }
      for (int look = 0; look < 4; look++) {
        watermark();
      }
    }
  }

  private void quiet(long millis) {
    for (long passed = 0; passed < millis; passed += NewPartitions.ROUND_MILLIS) {
      watermark();
    }
  }

  @Test
  public void isTheLeastOfThePartitionsAndNeverGoesBack() {
    record(FIRST, now - 3_000);
    assertEquals("nothing is known of the second", BEGINNING, watermark());
    record(SECOND, start - 9_000);
    assertEquals(start - 9_000, watermark());
    record(SECOND, start - 20_000);
    assertEquals(start - 9_000, watermark());
    assertEquals(1, time.holder());
  }

  @Test
  public void aProducerAheadMovesNothing() {
    traffic(40, 0, FIRST, SECOND);
    long last = now;
    record(FIRST, now + 59 * MINUTE);
    record(SECOND, now + 59 * MINUTE);
    assertTrue(watermark() <= last + 20);
    traffic(40, 0, FIRST, SECOND);
    long before = time.watermark().getMillis();
    assertTrue(before + " is ahead of " + now, before <= now);
    assertTrue(before >= now - 2_500);
  }

  @Test
  public void aPartitionAheadHoldsAgainWhenItsProducerIsMended() {
    traffic(40, 0, FIRST, SECOND);
    for (int i = 0; i < 60; i++) {
      record(FIRST, now + 59 * MINUTE);
      record(SECOND, now);
      quiet(500);
    }
    long last = now;
    record(FIRST, now - 5_000);
    quiet(1_000);
    for (int i = 0; i < 4; i++) {
      record(SECOND, now);
      quiet(1_000);
    }
    assertTrue("the first partition brought nothing beyond", watermark() <= last);
  }

  @Test
  public void aPartitionFarBehindDoesNotHoldALiveTopic() {
    traffic(40, 0, FIRST, SECOND);
    for (int i = 0; i < 60; i++) {
      record(SECOND, now - 30 * DAY);
      traffic(1, 0, FIRST);
    }
    assertTrue(watermark() >= now - 3_500);
  }

  @Test
  public void aPartitionFarBehindFromTheStartDoesNotHoldALiveTopic() {
    for (int i = 0; i < 20; i++) {
      record(SECOND, now - 30 * DAY);
      traffic(1, 0, FIRST);
    }
    assertTrue(watermark() >= now - 3_500);
  }

  @Test
  public void norDoesItWhileOneOfItsRecordsIsOnItsWay() {
    traffic(40, 0, FIRST, SECOND);
    long longest = 0;
    for (int i = 0; i < 90; i++) {
      record(SECOND, now - 30 * DAY);
      traffic(1, 0, FIRST);
      backlog(SECOND, 1);
      watermark();
      watermark();
      backlog(SECOND, 0);
      longest = i < 40 ? 0 : Math.max(longest, time.heldMillis());
    }
    assertTrue(longest + " ms", longest <= 3_000);
  }

  @Test
  public void aPartitionALittleBehindHolds() {
    traffic(40, 0, FIRST, SECOND);
    long slow = config.lagMillis() - MINUTE;
    for (int i = 0; i < 60; i++) {
      record(SECOND, now - slow);
      traffic(1, 0, FIRST);
    }
    assertTrue(watermark() <= start + 41_000);
    assertEquals(1, time.holder());
    assertTrue(time.heldMillis() >= 59_000);
  }

  @Test
  public void aPartitionFarBehindHoldsWhileItHasABacklog() {
    backlog(SECOND, 1_000_000);
    long hourAgo = now - 60 * MINUTE;
    for (int i = 0; i < 60; i++) {
      for (int j = 0; j < 40; j++) {
        record(SECOND, hourAgo + i * 1_000 + j);
      }
      traffic(1, 0, FIRST);
    }
    assertTrue(watermark() <= hourAgo + 60_000);
    assertEquals(1, time.holder());
  }

  @Test
  public void aPartitionFarBehindHoldsALogOfLongAgo() {
    for (int i = 0; i < 60; i++) {
      for (int j = 0; j < 40; j++) {
        record(SECOND, start - 40 * DAY + i * 1_000 + j);
        record(FIRST, start - 10 * DAY + i * 1_000 + j);
      }
      quiet(500);
    }
    assertTrue(watermark() <= start - 40 * DAY + 60_000);
  }

  @Test
  public void anIdlePartitionFollowsTheOthersARoundLater() {
    traffic(20, 0, FIRST);
    long reached = watermark();
    assertTrue(reached > BEGINNING);
    assertTrue("not further than the others", reached <= now);
    assertTrue("by a round or two", reached >= now - 2_500);
  }

  @Test
  public void anIdlePartitionHoldsUntilItIsIdle() {
    traffic((int) (config.idleMillis() / 1_000) - 1, 0, FIRST);
    assertEquals(BEGINNING, watermark());
    assertEquals("nobody asks before something is idle", 0, offsets.rounds);
  }

  @Test
  public void anIdlePartitionWithRecordsThatWereNotGivenOutHolds() {
    backlog(SECOND, 1);
    traffic(20, 0, FIRST);
    assertEquals(BEGINNING, watermark());
  }

  @Test
  public void whereTheReaderHasNoOtherPartitionItFollowsMostOfTheTopic() {
    read(SECOND);
    TopicPartition third = new TopicPartition("events", 2);
    for (int i = 0; i < 20; i++) {
      offsets.ends.put(FIRST, 100L + i);
      offsets.tails.put(FIRST, new long[] {now - 4_000, now - 3_000});
      offsets.ends.put(third, 100L + i);
      offsets.tails.put(third, new long[] {now + 59 * MINUTE});
      now += 1_000;
      watermark();
    }
    assertTrue(watermark() >= now - 10_000);
    assertTrue(watermark() <= now - 3_000);
  }

  @Test
  public void aSilentTopicIsWhereItsLastRecordsAre() {
    read(SECOND);
    offsets.ends.put(FIRST, 100L);
    offsets.tails.put(FIRST, new long[] {500, 900, 700});
    quiet(20_000);
    assertEquals(700, watermark());
  }

  @Test
  public void timeStandsStillWhenNothingIsProduced() {
    traffic(20, 0, FIRST, SECOND);
    quiet(20_000);
    long reached = watermark();
    quiet(60 * MINUTE);
    assertEquals(reached, watermark());
    assertTrue(time.heldMillis() >= 60 * MINUTE);
    assertEquals(-1, time.holder());
  }

  @Test
  public void anEmptyTopicHasNoTime() {
    quiet(20_000);
    assertEquals(BEGINNING, watermark());
  }

  @Test
  public void theEndOfALogCountsWhenTheReaderIsSilent() {
    for (int i = 0; i < 100; i++) {
      record(FIRST, start - 30 * DAY + i);
      record(SECOND, start - 30 * DAY + i);
    }
    record(FIRST, start - 29 * DAY);
    record(SECOND, start - 29 * DAY);
    assertEquals(start - 30 * DAY + 99, watermark());
    quiet(PartitionClock.RECENT_MILLIS + 1_000);
    assertEquals(start - 29 * DAY, watermark());
  }

  @Test
  public void aTransactionsMarkerAtTheEndDoesNotHold() {
    record(SECOND, now);
    consumer.seek(SECOND, 2);
    consumer.updateEndOffsets(Map.of(SECOND, 2L));
    offsets.ends.put(SECOND, 2L);
    positions.polled(consumer, ConsumerRecords.empty());
    traffic(20, 0, FIRST);
    assertTrue(watermark() >= now - 2_500);
  }

  @Test
  public void whatACheckpointKnewIsWhereItBegins() {
    traffic(20, 0, FIRST, SECOND);
    EventTimePolicy before = time.policy(FIRST, Optional.empty());
    Instant kept = before.getWatermark(null);
    time = resumed();
    time.policy(FIRST, Optional.of(kept));
    time.policy(SECOND, Optional.of(kept));
    assertEquals(kept.getMillis(), watermark());
  }

  @Test
  public void brokersThatCannotBeAskedHoldIt() throws Exception {
    offsets.failure = new IOException("broker gone");
    traffic(5, 0, FIRST, SECOND);
    assertEquals(BEGINNING, watermark());
    offsets.failure = null;
    quiet(1_000);
    assertTrue(watermark() > BEGINNING);
    assertFalse(offsets.closed);
    time.close();
    assertTrue(offsets.closed);
  }

  @Test
  public void anAddedPartitionHoldsWhatItsReaderDoesNotReadYet() {
    traffic(5, 0, FIRST, SECOND);
    long reached = watermark();
    offsets.partitions = 3;
    traffic(5, 0, FIRST, SECOND);
    assertTrue("only what was known before", watermark() <= reached + 1_000);
    assertEquals(List.of(2), List.copyOf(time.added()));
    assertTrue(time.added().isEmpty());
  }
}
