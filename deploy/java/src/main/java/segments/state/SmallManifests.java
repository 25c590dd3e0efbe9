package segments.state;

import java.util.Collection;
import org.apache.flink.contrib.streaming.state.RocksDBOptionsFactory;
import org.rocksdb.ColumnFamilyOptions;
import org.rocksdb.DBOptions;

/**
 * Keeps RocksDB's list of files small: it is appended to with every flush and begun anew only above 1 GB by default. A
 * checkpoint flushes, and holds the list whole, so one every two seconds makes each larger than the last.
 *
 * <p>For Flink's option {@code state.backend.rocksdb.options-factory}.
 */
public final class SmallManifests implements RocksDBOptionsFactory {
  private static final long serialVersionUID = 1;

  /** Some 400 flushes; a new list of the few files that there are takes some kilobytes. */
  static final long MAX_BYTES = 256 << 10;

  @Override
  public DBOptions createDBOptions(DBOptions current, Collection<AutoCloseable> handles) {
    return current.setMaxManifestFileSize(MAX_BYTES);
  }

  @Override
  public ColumnFamilyOptions createColumnOptions(
      ColumnFamilyOptions current, Collection<AutoCloseable> handles) {
    return current;
  }
}
