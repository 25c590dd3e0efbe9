package org.apache.beam.sdk.io.kafka;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertFalse;
import static org.junit.Assert.assertThrows;
import static org.junit.Assert.assertTrue;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import org.apache.beam.sdk.coders.Coder;
import org.apache.beam.sdk.io.kafka.KafkaCheckpointMark.PartitionMark;
import org.apache.beam.sdk.options.PipelineOptions;
import org.apache.beam.sdk.options.PipelineOptionsFactory;
import org.apache.beam.sdk.util.CoderUtils;
import org.apache.beam.sdk.util.SerializableUtils;
import org.apache.kafka.clients.consumer.Consumer;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.MockConsumer;
import org.apache.kafka.clients.consumer.OffsetOutOfRangeException;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.apache.kafka.common.PartitionInfo;
import org.apache.kafka.common.TopicPartition;
import org.junit.Test;
import segments.kafka.FakeOffsets;
import segments.kafka.PackConfig;
import segments.kafka.PackedReader;

/** Around KafkaIO's own reader, with Kafka's mock of a consumer: no broker. */
public class PackedKafkaSourceTest {
  private static final int PARTITIONS = 3;
  private static final int ADDED = 2;
  private static final int RECORDS = 5;
  private static final long DEADLINE_NANOS = 20_000_000_000L;

  private final PipelineOptions options = PipelineOptionsFactory.create();
  private final PackConfig config = new PackConfig();
  private final FakeOffsets offsets = new FakeOffsets();

  private PackedKafkaSource source(Map<String, String> consumer) {
    config.setBootstrapServers("localhost:1");
    config.setTopic("events");
    config.setConsumerConfig(consumer);
    config.setMaxRecords(4L);
    return new PackedKafkaSource(config.checked());
  }

  @Test
  public void partitionsAreDealtOutInTurnToAtMostTheSplitsAskedFor() throws Exception {
    List<PackedKafkaSource> two = source(Map.of()).split(2, options, PackedKafkaSourceTest::consumer);
    assertEquals(2, two.size());
    assertEquals("events at localhost:1 [events-0, events-2]", two.get(0).toString());
    assertEquals("events at localhost:1 [events-1]", two.get(1).toString());
    assertEquals(PARTITIONS, source(Map.of()).split(9, options, PackedKafkaSourceTest::consumer).size());
  }

  @Test
  public void aSplitSurvivesItsCheckpoint() throws Exception {
    PackedKafkaSource split = source(Map.of()).split(2, options, PackedKafkaSourceTest::consumer).get(1);
    assertEquals(split.toString(), SerializableUtils.clone(split).toString());
  }

  @Test
  public void anUnsplitSourceCannotBeRead() {
    assertThrows(IllegalStateException.class, () -> source(Map.of()).createReader(options, null));
  }

  @Test
  public void resumingFromAnyMarkYieldsEveryRecordOnce() throws Exception {
    PackedKafkaSource split = source(Map.of()).split(1, options, PackedKafkaSourceTest::consumer).get(0);
    Coder<KafkaCheckpointMark> coder = split.getCheckpointMarkCoder();
    List<String> seen = new ArrayList<>();
    KafkaCheckpointMark mark = null;
    while (seen.size() < PARTITIONS * RECORDS) {
      try (PackedReader reader = split.createReader(options, mark, PackedKafkaSourceTest::consumer, offsets)) {
        seen.addAll(next(reader));
        mark = CoderUtils.clone(coder, (KafkaCheckpointMark) reader.getCheckpointMark());
      }
    }
    List<String> expected = new ArrayList<>();
    for (int partition = 0; partition < PARTITIONS; partition++) {
      for (int offset = 0; offset < RECORDS; offset++) {
        expected.add(partition + ":" + offset);
      }
    }
    seen.sort(null);
    assertEquals(expected, seen);
  }

  @Test
  public void aJobWithoutCheckpointIgnoresWhatItsGroupHasCommitted() throws Exception {
    Map<String, String> consumer = Map.of("group.id", "g", "auto.offset.reset", "latest");
    PackedKafkaSource split = source(consumer).split(1, options, PackedKafkaSourceTest::consumer).get(0);
    try (PackedReader reader = split.createReader(options, null, PackedKafkaSourceTest::consumer, offsets)) {
      assertFalse(reader.start());
      KafkaCheckpointMark mark = (KafkaCheckpointMark) reader.getCheckpointMark();
      mark.getPartitions().forEach(partition -> assertEquals(RECORDS, partition.getNextOffset()));
    }
  }

  @Test
  public void recordsThatExpiredBeforeTheyWereReadAreAnErrorNotAGap() throws Exception {
    PackedKafkaSource split = source(Map.of()).split(PARTITIONS, options, PackedKafkaSourceTest::consumer).get(0);
    List<PartitionMark> marks = List.of(new PartitionMark("events", 0, 1, 0));
    try (PackedReader reader =
        split.createReader(
            options, new KafkaCheckpointMark(marks, Optional.empty()), settings -> consumer(2), offsets)) {
      IOException error = assertThrows(IOException.class, () -> next(reader));
      assertTrue(error.toString(), error.getCause() instanceof OffsetOutOfRangeException);
    }
  }

  @Test
  public void aPartitionThatIsAddedIsReadFromItsBeginningAndTheOthersGoOn() throws Exception {
    Map<String, String> latest = Map.of("auto.offset.reset", "latest");
    offsets.partitions = 2;
    PackedKafkaSource split = source(latest).split(PARTITIONS, options, PackedKafkaSourceTest::consumer).get(0);
    try (PackedReader reader = split.createReader(options, null, PackedKafkaSourceTest::consumer, offsets)) {
      assertFalse(reader.start());
      offsets.partitions = 4;
      assertEquals("3:0", nextAfterWatermark(reader).get(0));
      KafkaCheckpointMark mark = (KafkaCheckpointMark) reader.getCheckpointMark();
      assertEquals(List.of(0, 3), partitions(mark));
    }
  }

  @Test
  public void aResumedReaderFindsWhatWasAddedMeanwhile() throws Exception {
    PackedKafkaSource split = source(Map.of()).split(PARTITIONS, options, PackedKafkaSourceTest::consumer).get(1);
    offsets.partitions = 5;
    List<PartitionMark> marks = List.of(new PartitionMark("events", 1, 5, 77));
    KafkaCheckpointMark mark = new KafkaCheckpointMark(marks, Optional.empty());
    List<String> seen = new ArrayList<>();
    try (PackedReader reader = split.createReader(options, mark, PackedKafkaSourceTest::consumer, offsets)) {
      assertFalse(reader.start());
      seen.addAll(nextAfterWatermark(reader));
      mark = (KafkaCheckpointMark) reader.getCheckpointMark();
    }
    try (PackedReader reader = split.createReader(options, mark, PackedKafkaSourceTest::consumer, offsets)) {
      seen.addAll(next(reader));
    }
    assertEquals(List.of("4:0", "4:1", "4:2", "4:3", "4:4"), seen);
  }

  @Test
  public void aSplitOfBeforeReadsWhatItsCheckpointKnows() throws Exception {
    PackedKafkaSource split = source(Map.of()).split(PARTITIONS, options, PackedKafkaSourceTest::consumer).get(1);
    PackedKafkaSource old = split.ofBefore();
    offsets.partitions = 5;
    try (PackedReader reader = old.createReader(options, null, PackedKafkaSourceTest::consumer, offsets)) {
      assertTrue(reader.start() || !next(reader).isEmpty());
      reader.getWatermark();
      reader.advance();
      assertEquals(List.of(1), partitions((KafkaCheckpointMark) reader.getCheckpointMark()));
    }
  }

  private static List<Integer> partitions(KafkaCheckpointMark mark) {
    return mark.getPartitions().stream().map(PartitionMark::getPartition).collect(Collectors.toList());
  }

  /** The next pack, of a reader that is asked for its watermark as runners do. */
  private static List<String> nextAfterWatermark(PackedReader reader) throws IOException {
    long deadline = System.nanoTime() + DEADLINE_NANOS;
    do {
      assertTrue("no pack within the deadline", System.nanoTime() < deadline);
      reader.getWatermark();
    } while (!reader.advance());
    return records(reader);
  }

  private static List<String> next(PackedReader reader) throws IOException {
    long deadline = System.nanoTime() + DEADLINE_NANOS;
    boolean found = reader.start();
    while (!found) {
      assertTrue("no pack within the deadline", System.nanoTime() < deadline);
      found = reader.advance();
    }
    return records(reader);
  }

  private static List<String> records(PackedReader reader) {
    ByteBuffer pack = ByteBuffer.wrap(reader.getCurrent()).order(ByteOrder.LITTLE_ENDIAN);
    List<String> records = new ArrayList<>();
    for (int i = 0; i < pack.getInt(4); i++) {
      records.add(pack.getInt(8 + 24 * i) + ":" + pack.getLong(8 + 24 * i + 8));
    }
    return records;
  }

  private static Consumer<byte[], byte[]> consumer(Map<String, Object> settings) {
    assertEquals("none", settings.get("auto.offset.reset"));
    assertEquals(false, settings.get("enable.auto.commit"));
    return consumer(0);
  }

  private static Consumer<byte[], byte[]> consumer(long beginning) {
    MockConsumer<byte[], byte[]> consumer =
        new MockConsumer<>(OffsetResetStrategy.NONE) {
          @Override
          public synchronized void assign(Collection<TopicPartition> partitions) {
            super.assign(partitions);
            for (TopicPartition partition : partitions) {
              for (int offset = 0; offset < RECORDS; offset++) {
                addRecord(new ConsumerRecord<>("events", partition.partition(), offset, null, new byte[] {1}));
              }
            }
          }
        };
    List<PartitionInfo> infos = new ArrayList<>();
    Map<TopicPartition, Long> starts = new HashMap<>();
    Map<TopicPartition, Long> ends = new HashMap<>();
    for (int partition = 0; partition < PARTITIONS + ADDED; partition++) {
      if (partition < PARTITIONS) {
        infos.add(new PartitionInfo("events", partition, null, null, null));
      }
      starts.put(new TopicPartition("events", partition), beginning);
      ends.put(new TopicPartition("events", partition), (long) RECORDS);
    }
    consumer.updatePartitions("events", infos);
    consumer.updateBeginningOffsets(starts);
    consumer.updateEndOffsets(ends);
    return consumer;
  }
}
