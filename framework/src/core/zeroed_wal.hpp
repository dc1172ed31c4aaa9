#pragma once

#include <rocksdb/file_system.h>

#include <memory>

namespace atl {

/// The system's files, except that write-ahead logs (`*.log`) grow by a mebibyte of zeros at a
/// time, which records then overwrite. A sync of a file whose length and blocks have not changed
/// writes only the data, not the file system's journal, which halves the time of a commit. After a
/// crash such a log ends with zeros; `check_wal` accepts them.
std::shared_ptr<rocksdb::FileSystem> file_system_with_zeroed_logs();

} // namespace atl
