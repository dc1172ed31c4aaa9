#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace atl {

/// The system's files, except that write-ahead logs (`*.log`) grow by zeros, a mebibyte at a time,
/// which what is written then takes the place of. A sync that finds the file's length and its
/// blocks as they were has only the bytes themselves to write, not the file system's journal: that
/// halves the time of a commit. After a crash such a log ends with zeros; `check_wal` knows.
std::shared_ptr<rocksdb::FileSystem> file_system_with_zeroed_logs();

} // namespace atl
