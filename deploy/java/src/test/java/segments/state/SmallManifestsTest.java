package segments.state;

import static org.junit.Assert.assertEquals;
import static org.junit.Assert.assertTrue;

import java.io.File;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.Rule;
import org.junit.Test;
import org.junit.rules.TemporaryFolder;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;
import org.rocksdb.FlushOptions;
import org.rocksdb.Options;
import org.rocksdb.RocksDB;

public class SmallManifestsTest {
  private static final int FLUSHES = 1_500;

  @Rule public final TemporaryFolder folder = new TemporaryFolder();

  @Test
  public void listOfFilesStaysSmallAndNothingIsLost() throws Exception {
    RocksDB.loadLibrary();
    File place = folder.newFolder();
    List<AutoCloseable> handles = new ArrayList<>();
    try (DBOptions database =
            new SmallManifests().createDBOptions(new DBOptions().setCreateIfMissing(true), handles);
        Options options = new Options(database, new ColumnFamilyOptions());
        FlushOptions flush = new FlushOptions().setWaitForFlush(true)) {
      long largest = 0;
      try (RocksDB rocks = RocksDB.open(options, place.getPath())) {
        for (int number = 0; number < FLUSHES; number++) {
          rocks.put(key(number), new byte[100]);
          rocks.flush(flush);
          largest = Math.max(largest, manifest(place));
        }
      }
      // The largest was reached, so there were enough flushes to tell.
      assertTrue("only " + largest, largest > SmallManifests.MAX_BYTES / 2);
      assertTrue("as much as " + largest, largest < SmallManifests.MAX_BYTES * 5 / 4);
      try (RocksDB rocks = RocksDB.open(options, place.getPath())) {
        for (int number = 0; number < FLUSHES; number++) {
          assertEquals(100, rocks.get(key(number)).length);
        }
      }
    }
  }

  private static byte[] key(int number) {
    return ByteBuffer.allocate(4).putInt(number).array();
  }

  private static long manifest(File place) {
    long size = 0;
    for (File file : place.listFiles()) {
      if (file.getName().startsWith("MANIFEST-")) {
        size = Math.max(size, file.length());
      }
    }
    return size;
  }
}
