package segments.kafka;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

public class EventTimePolicyTest {
  private static final TopicPartition QUIET = new TopicPartition("events", 0);
  private static final long BEGINNING = BoundedWindow.TIMESTAMP_MIN_VALUE.getMillis();

  private final PackConfig config = new PackConfig();
  private final ReadPositions positions = new ReadPositions();
  private final FakeOffsets offsets = new FakeOffsets();
  private final MockConsumer<byte[], byte[]> consumer = new MockConsumer<>(OffsetResetStrategy.NONE);
  private long now = 50_000_000;
  private final TopicClock clock =
      new TopicClock(offsets, MoreExecutors.newDirectExecutorService(), () -> now);

  @Before
  public void assign() {
    consumer.assign(List.of(QUIET));
    offsets.ends.put(QUIET, 0L);
    polledUpTo(0);
  }

  private EventTimePolicy policy(Optional<Instant> previous) {
    return new EventTimePolicy(QUIET, previous, config, positions, clock, () -> now);
  }

  private void polledUpTo(long position) {
    consumer.seek(QUIET, position);
    positions.polled(consumer, ConsumerRecords.empty());
  }

  private void fetched(long offset) {
    ConsumerRecord<byte[], byte[]> record = new ConsumerRecord<>("events", 0, offset, null, null);
    consumer.seek(QUIET, offset + 1);
    positions.polled(consumer, new ConsumerRecords<>(Map.of(QUIET, List.of(record))));
  }

  private long watermark(EventTimePolicy policy) {
    return policy.getWatermark(null).getMillis();
  }

  private long afterTwoRounds(EventTimePolicy policy) {
    watermark(policy);
    now += TopicClock.ROUND_MILLIS;
    return watermark(policy);
  }

  @Test
  public void followsTheHighestTimestampAndNeverGoesBack() {
    EventTimePolicy policy = policy(Optional.empty());
    assertEquals(BEGINNING, watermark(policy));
    assertEquals(300, policy.getTimestampForRecord(null, Records.record(0, 0, 300, "a")).getMillis());
    assertEquals(200, policy.getTimestampForRecord(null, Records.record(0, 1, 200, "b")).getMillis());
    assertEquals(300, watermark(policy));
  }

  @Test
  public void aRecordFarAheadOfTheClockDoesNotMoveIt() {
    EventTimePolicy policy = policy(Optional.empty());
    policy.getTimestampForRecord(null, Records.record(0, 0, now + config.futureMillis() + 1, "a"));
    assertEquals(BEGINNING, watermark(policy));
    policy.getTimestampForRecord(null, Records.record(0, 1, now + config.futureMillis(), "b"));
    assertEquals(now + config.futureMillis(), watermark(policy));
  }

  @Test
  public void beginsWhereTheCheckpointLeftIt() {
    assertEquals(700, watermark(policy(Optional.of(Instant.ofEpochMilli(700)))));
  }

  @Test
  public void anEmptyPartitionFollowsTheTopicOnceItIsIdle() {
    offsets.highest = 900;
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis() - 1;
    assertEquals(BEGINNING, watermark(policy));
    assertEquals("nobody asks before something is idle", 0, offsets.rounds);
    now += 1;
    assertEquals("one round is not enough", BEGINNING, watermark(policy));
    now += TopicClock.ROUND_MILLIS;
    assertEquals(900, watermark(policy));
  }

  @Test
  public void timeStandsStillWhenNothingIsProduced() {
    offsets.highest = 900;
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis();
    afterTwoRounds(policy);
    now += 3_600_000;
    assertEquals(900, afterTwoRounds(policy));
  }

  @Test
  public void anEmptyTopicHoldsTheWatermark() {
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis();
    assertEquals(BEGINNING, afterTwoRounds(policy));
  }

  @Test
  public void aRecordNotYetFetchedHoldsTheWatermark() {
    offsets.highest = 900;
    offsets.ends.put(QUIET, 1L);
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis();
    assertEquals(BEGINNING, afterTwoRounds(policy));
  }

  @Test
  public void aRecordFetchedButNotGivenOutHoldsTheWatermark() {
    offsets.highest = 900;
    offsets.ends.put(QUIET, 1L);
    fetched(0);
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis();
    assertEquals(BEGINNING, afterTwoRounds(policy));
    policy.getTimestampForRecord(null, Records.record(0, 0, 500, "a"));
    assertEquals("it has just brought a record", 500, watermark(policy));
    now += config.idleMillis();
    assertEquals(900, afterTwoRounds(policy));
  }

  @Test
  public void aTransactionsMarkerAtTheEndDoesNotHoldTheWatermark() {
    offsets.highest = 900;
    offsets.ends.put(QUIET, 2L);
    fetched(0);
    EventTimePolicy policy = policy(Optional.empty());
    policy.getTimestampForRecord(null, Records.record(0, 0, 500, "a"));
    polledUpTo(2);
    now += config.idleMillis();
    assertEquals(900, afterTwoRounds(policy));
  }

  @Test
  public void theTopicsTimeCountsOnlyWithTheEndsOfALaterRound() {
    offsets.highest = 900;
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis();
    watermark(policy);
    offsets.highest = 2_000;
    now += TopicClock.ROUND_MILLIS;
    assertEquals(900, watermark(policy));
    offsets.ends.put(QUIET, 1L);
    now += TopicClock.ROUND_MILLIS;
    assertEquals("its own record came together with that time", 900, watermark(policy));
  }

  @Test
  public void brokersAreAskedAtMostOnceASecondAndAFailureHoldsTheWatermark() throws Exception {
    EventTimePolicy policy = policy(Optional.empty());
    now += config.idleMillis();
    for (int i = 0; i < 10; i++) {
      watermark(policy);
      now += TopicClock.ROUND_MILLIS / 10;
    }
    assertEquals(1, offsets.rounds);
    offsets.failure = new IOException("broker gone");
    assertEquals(BEGINNING, afterTwoRounds(policy));
    offsets.failure = null;
    offsets.highest = 800;
    now += TopicClock.ROUND_MILLIS;
    assertEquals(800, afterTwoRounds(policy));
    assertFalse(offsets.closed);
    clock.close();
    assertTrue(offsets.closed);
  }

  private static final class FakeOffsets implements TopicOffsets {
    final Map<TopicPartition, Long> ends = new HashMap<>();
    long highest = -1;
    int rounds;
    boolean closed;
    Exception failure;

    @Override
    public long highestTimestamp() {
      return highest;
    }

    @Override
    public Map<TopicPartition, Long> ends() throws Exception {
      rounds++;
      if (failure != null) {
        throw failure;
      }
      return Map.copyOf(ends);
    }

    @Override
    public void close() {
      closed = true;
    }
  }
}
