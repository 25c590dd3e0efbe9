package segments.kafka;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.Test;

public class PartitionClockTest {
  private static final long MINUTE = 60_000;
  private static final long AHEAD = 59 * MINUTE;

  /** Of a log of long ago. */
  private static final long LOG = 1_000_000_000;

  private final PackConfig config = new PackConfig();
  private final PartitionClock clock = new PartitionClock(config, PartitionClock.UNKNOWN);
  private long wall = 1_700_000_000_000L;

  private long at(boolean atEnd, boolean silent, long rest) {
    wall += 200;
    return clock.at(new PartitionClock.Moment(wall, atEnd, silent, rest));
  }

  private long inBacklog() {
    return at(false, false, PartitionClock.UNKNOWN);
  }

  private void add(int number, long first, long step) {
    for (int i = 0; i < number; i++) {
      clock.add(first + i * step, wall);
    }
  }

  @Test
  public void fewRecordsOfAnOldLogProveNothing() {
    add(PartitionClock.LEAST - 1, LOG, 1);
    assertEquals(PartitionClock.UNKNOWN, inBacklog());
    add(1, LOG, 1);
    assertEquals(LOG + PartitionClock.LEAST - 2, inBacklog());
  }

  @Test
  public void whatIsCloseToTheMajorityCountsAtOnce() {
    add(100, LOG, 10);
    assertEquals(LOG + 990, inBacklog());
    add(1, LOG + 495 + config.aheadMillis(), 1);
    assertEquals(LOG + 495 + config.aheadMillis(), inBacklog());
  }

  @Test
  public void aRecordFarAheadMovesNothingUntilTheMajorityHasComeThere() {
    add(100, LOG, 10);
    assertEquals(LOG + 990, inBacklog());
    add(1, LOG + AHEAD, 1);
    assertEquals(LOG + 990, inBacklog());
    add(99, LOG + AHEAD, 0);
    assertEquals("half of them", LOG + 990, inBacklog());
    add(1, LOG + AHEAD, 0);
    assertEquals(LOG + AHEAD, inBacklog());
  }

  @Test
  public void aMinorityFarAheadMovesNothingHoweverLongItLasts() {
    Random random = new Random(5);
    long time = LOG;
    for (int i = 0; i < 200_000; i++) {
      time += 10;
      clock.add(random.nextDouble() < 0.3 ? time + AHEAD : time, wall);
      if (i % 50 == 0) {
        wall += 25;
        long now = clock.at(new PartitionClock.Moment(wall, false, false, PartitionClock.UNKNOWN));
        assertTrue(now - time + " ms ahead", now <= time);
      }
    }
    assertTrue("lags by half of the recent records", inBacklog() >= time - 10 * PartitionClock.MOST);
  }

  @Test
  public void aRecordAheadOfTheWallClockCountsAsReadNow() {
    long read = wall;
    add(1, wall + AHEAD, 1);
    assertEquals(read, at(true, false, PartitionClock.UNKNOWN));
    wall += 10 * MINUTE;
    assertEquals("the wall clock moves nothing", read, at(true, true, PartitionClock.UNKNOWN));
  }

  @Test
  public void aSingleRecordOfNowCountsWhereNoneIsWaiting() {
    long now = wall;
    add(1, now, 1);
    assertEquals(PartitionClock.UNKNOWN, inBacklog());
    assertEquals(now, at(true, false, PartitionClock.UNKNOWN));
  }

  @Test
  public void inABacklogOfTheLastHourARecordOfNowIsNotBelieved() {
    long hourAgo = wall - 60 * MINUTE;
    add(500, hourAgo, 10);
    add(1, hourAgo + AHEAD, 1);
    assertEquals(hourAgo + 4_990, inBacklog());
  }

  @Test
  public void whereManyComeEvenOneOfNowIsNotBelievedAgainstTheMajority() {
    long hourAgo = wall - 60 * MINUTE;
    add(500, hourAgo, 10);
    add(1, hourAgo + AHEAD, 1);
    wall += 500;
    PartitionClock.Moment moment = new PartitionClock.Moment(wall, true, false, PartitionClock.UNKNOWN);
    assertEquals(hourAgo + 4_990, clock.at(moment));
  }

  @Test
  public void whereFewComeTheRestOfTheTopicConfirms() {
    add(1, LOG + MINUTE, 1);
    assertEquals(PartitionClock.UNKNOWN, at(false, false, LOG + MINUTE));
    assertEquals(LOG + MINUTE, at(true, false, LOG + MINUTE));
    add(1, LOG + AHEAD, 1);
    assertEquals(LOG + MINUTE, at(true, false, LOG + 2 * MINUTE));
  }

  @Test
  public void silenceConfirmsWhatWasSaidLast() {
    add(100, LOG, 10);
    add(1, LOG + 24 * 60 * MINUTE, 1);
    assertEquals(LOG + 990, at(true, false, PartitionClock.UNKNOWN));
    assertEquals(LOG + 24 * 60 * MINUTE, at(true, true, PartitionClock.UNKNOWN));
  }

  @Test
  public void silenceDoesNotConfirmWhatWasSaidBefore() {
    add(100, LOG, 10);
    add(1, LOG + AHEAD, 1);
    add(1, LOG + 1_000, 1);
    assertEquals(LOG + 1_000, at(true, true, PartitionClock.UNKNOWN));
  }

  @Test
  public void itNeverPassesTheHighestRecordAndNeverGoesBack() {
    Random random = new Random(3);
    long highest = PartitionClock.UNKNOWN;
    long before = PartitionClock.UNKNOWN;
    long time = LOG;
    for (int i = 0; i < 20_000; i++) {
      time += random.nextInt(100) == 0 ? random.nextInt(10_000_000) : random.nextInt(50);
      long stamp = time - random.nextInt(10_000);
      highest = Math.max(highest, stamp);
      clock.add(stamp, wall);
      wall += random.nextInt(200);
      long rest = random.nextBoolean() ? time - random.nextInt(100_000) : PartitionClock.UNKNOWN;
      long now = clock.at(new PartitionClock.Moment(wall, random.nextBoolean(), random.nextInt(50) == 0, rest));
      assertTrue(now <= highest);
      assertTrue(now >= before);
      before = now;
    }
  }

  @Test
  public void whatIsKnownFromBeforeStays() {
    PartitionClock restored = new PartitionClock(config, LOG);
    restored.add(LOG - MINUTE, wall);
    assertEquals(LOG, restored.at(new PartitionClock.Moment(wall, true, true, PartitionClock.UNKNOWN)));
  }

  @Test
  public void mostOfSomeTimesIsTheLowerOfTwoHalves() {
    List<Long> times = new ArrayList<>(List.of(1L, 2L, 3L, 4L, PartitionClock.UNKNOWN));
    Collections.shuffle(times, new Random(1));
    assertEquals(2, PartitionClock.most(times.stream().mapToLong(Long::longValue)));
  }
}
