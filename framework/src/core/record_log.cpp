#include "thread_name.hpp"
#include "wal_check.hpp"
#include "zeroed_wal.hpp"

#include <atoll/core/crc32c.hpp>
#include <atoll/core/logging.hpp>
#include <atoll/core/new_folder.hpp>
#include <atoll/core/open_files.hpp>
#include <atoll/core/record_log.hpp>
#include <atoll/core/sync.hpp>
#include <atoll/spi/codec.hpp>

#include <fmt/format.h>
#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/options.h>
#include <rocksdb/table.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace atl {

namespace {

constexpr char record_prefix = 'r';
constexpr std::string_view meta_key = "meta";
constexpr std::string_view incarnation_key = "lives";
constexpr std::string_view binding_key = "binding";
constexpr std::size_t batch_bytes_max = 8 << 20; ///< written with one sync

rocksdb::Slice slice(std::string_view text) {
  return {text.data(), text.size()};
}

template <class T>
void append_big_endian(std::string& out, T value) {
  for (int shift = (sizeof(T) - 1) * 8; shift >= 0; shift -= 8)
    out += static_cast<char>(value >> shift);
}

template <class T>
T read_big_endian(std::string_view text) {
  T value = 0;
  for (unsigned char c : text.substr(0, sizeof(T)))
    value = static_cast<T>((value << 8) | c);
  return value;
}

std::string record_key(std::uint32_t stream, std::uint64_t index) {
  std::string key{record_prefix};
  append_big_endian(key, stream);
  append_big_endian(key, index);
  return key;
}

/// Writes a row with its own checksum in front, which also protects the row in RocksDB's memory,
/// and distinguishes a damaged record from a damaged file.
void put_checksummed(rocksdb::WriteBatch& batch, std::string_view key, std::string_view bytes) {
  spi::writer seal;
  seal.put(crc32c(bytes, crc32c(key)));
  rocksdb::Slice keys[] = {slice(key)};
  rocksdb::Slice values[] = {slice(seal.view()), slice(bytes)};
  batch.Put(rocksdb::SliceParts{keys, 1}, rocksdb::SliceParts{values, 2});
}

std::optional<std::string> unsealed(std::string_view key, std::string_view text) {
  spi::reader in{text};
  auto crc = in.get<std::uint32_t>();
  if (!in.ok() || crc != crc32c(in.rest(), crc32c(key)))
    return std::nullopt;
  return std::string{in.rest()};
}

error rocksdb_error(const rocksdb::Status& status, std::string_view what) {
  auto code = errc::io;
  if (status.IsCorruption() || status.IsInvalidArgument()) // or files are missing
    code = errc::corrupt;
  else if (status.IsNoSpace())
    code = errc::no_space;
  return {code, fmt::format("{}: {}", what, status.ToString())};
}

rocksdb::Options database_options() {
  rocksdb::Options options;
  options.write_buffer_size =
      32 << 20; // most records are erased before they would be written to a table
  options.max_write_buffer_number = 2;
  options.max_open_files =
      static_cast<int>(std::clamp<std::uint64_t>(open_files_limit() / 16, 20, 64));
  options.max_background_jobs = 2;
  options.keep_log_file_num = 2;
  options.compression = rocksdb::kNoCompression; // records are written once and erased soon
  options.wal_recovery_mode = rocksdb::WALRecoveryMode::kTolerateCorruptedTailRecords;
  options.paranoid_checks = true;
  options.allow_fallocate = false; // preallocated space would count against the disk's reserve
  rocksdb::BlockBasedTableOptions table;
  table.block_cache = rocksdb::NewLRUCache(8 << 20);
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
  return options;
}

/// Is there room to write the log's records to tables before the log files are removed? Otherwise
/// the log files stay in use.
bool has_room_to_flush(const std::filesystem::path& folder, const rocksdb::Options& options) {
  std::error_code failed;
  auto disk = std::filesystem::space(folder, failed);
  return failed || disk.available >= 4 * options.write_buffer_size;
}

error cant_open(const std::filesystem::path& folder, error why) {
  why.message = fmt::format("opening the log in {}: {}", folder.string(), why.message);
  if (why.code == errc::corrupt)
    why.message += "; this replica can't know what it promised: restore the folder, or let the "
                   "replica join again under a new id";
  if (why.code == errc::no_space)
    why.message += "; free space on its disk and start it again";
  return why;
}

/// Cuts off a write that a crash interrupted. The write was never acknowledged, and RocksDB would
/// report it as damage.
status cut_torn_tail(const std::filesystem::path& folder) {
  auto torn = check_wal(folder);
  if (!torn)
    return tl::unexpected{torn.error()};
  if (!*torn)
    return {};
  auto& [file, offset] = **torn;
  log::warning("", "", "{}: the last write was broken off at offset {}, and is cut off",
               file.string(), offset);
  std::error_code failed;
  std::filesystem::resize_file(file, offset, failed);
  if (failed)
    return tl::unexpected{system_error(failed.value(), "cutting " + file.string())};
  return sync_to_disk(file);
}

/// Creates an empty log. No other function creates a log: an existing log without its files is
/// damaged, and must not be mistaken for the log of a replica that has made no promises.
status make_database(const std::filesystem::path& folder, rocksdb::Env* environment) {
  auto options = database_options();
  options.env = environment;
  options.create_if_missing = true;
  options.error_if_exists = true;
  rocksdb::DB* db = nullptr;
  auto opened = rocksdb::DB::Open(options, folder.string(), &db);
  if (!opened.ok())
    return tl::unexpected{rocksdb_error(opened, "making the log in " + folder.string())};
  std::unique_ptr<rocksdb::DB> made{db};
  if (auto closed = made->Close(); !closed.ok())
    return tl::unexpected{rocksdb_error(closed, "making the log in " + folder.string())};
  return {};
}

std::string encode(const record_log::binding& to) {
  spi::writer out;
  out.put(to.self).put(encode(to.birth));
  return out.take();
}

std::optional<record_log::binding> decode_binding(std::string_view bytes) {
  spi::reader in{bytes};
  record_log::binding bound;
  bound.self = in.get<spi::replica_id>();
  auto birth = decode_group_birth(in.get_text());
  if (!in.done() || !birth)
    return std::nullopt;
  bound.birth = std::move(*birth);
  return bound;
}

std::size_t bytes_of(const spi::persist& it) {
  std::size_t bytes = 0;
  for (auto& op : it.ops)
    if (auto* put = std::get_if<spi::put_record>(&op))
      bytes += put->bytes.size();
  return bytes;
}

void add_to(rocksdb::WriteBatch& batch, const spi::persist& from) {
  for (auto& op : from.ops) {
    if (auto* put = std::get_if<spi::put_record>(&op)) {
      put_checksummed(batch, record_key(put->stream, put->index), put->bytes);
    } else if (auto* erase = std::get_if<spi::erase_records>(&op)) {
      auto last = record_key(erase->stream, erase->last);
      batch.DeleteRange(record_key(erase->stream, erase->first), last);
      batch.Delete(last); // DeleteRange leaves its end out
    } else {
      auto& meta = std::get<spi::set_meta>(op);
      put_checksummed(batch, meta_key, meta.bytes);
    }
  }
}

} // namespace

struct record_log::implementation {
  std::filesystem::path folder;
  std::unique_ptr<rocksdb::Env> environment;
  std::unique_ptr<rocksdb::DB> db;
  std::uint64_t incarnation = 0;
  callbacks calls;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<spi::persist> waiting;
  bool stopping = false;
  std::thread thread;

  std::atomic<std::uint64_t> syncs{0};
  std::atomic<std::uint64_t> batches{0};
  std::atomic<std::uint64_t> bytes{0};
  std::atomic<std::uint64_t> sync_us{0};

  rocksdb::Status write_now(std::string_view key, std::string_view bytes) {
    rocksdb::WriteBatch batch;
    put_checksummed(batch, key, bytes);
    return write(batch);
  }
  rocksdb::Status write(rocksdb::WriteBatch& batch) {
    rocksdb::WriteOptions synced;
    synced.sync = true;
    return db->Write(synced, &batch);
  }

  result<std::uint64_t> begin_incarnation(std::uint64_t at_least) {
    std::string text;
    auto read = db->Get({}, slice(incarnation_key), &text);
    std::uint64_t before = 0;
    if (read.ok()) {
      auto bytes_read = unsealed(incarnation_key, text);
      if (!bytes_read)
        return fail(errc::corrupt,
                    fmt::format("the log in {} has a damaged start counter", folder.string()));
      before = spi::reader{*bytes_read}.get<std::uint64_t>();
    } else if (!read.IsNotFound()) {
      return tl::unexpected{rocksdb_error(read, "reading the log in " + folder.string())};
    }
    auto incarnation = std::max(before + 1, at_least);
    spi::writer out;
    out.put(incarnation);
    if (auto written = write_now(incarnation_key, out.view()); !written.ok())
      return tl::unexpected{rocksdb_error(written, "writing the log in " + folder.string())};
    return incarnation;
  }

  /// The batches for one write, up to a size; none when the log stops.
  std::vector<spi::persist> collect() {
    std::unique_lock lock{mutex};
    wake.wait(lock, [this] { return stopping || !waiting.empty(); });
    std::vector<spi::persist> taken;
    std::size_t size = 0;
    while (!stopping && !waiting.empty() && size < batch_bytes_max) {
      size += bytes_of(waiting.front());
      taken.push_back(std::move(waiting.front()));
      waiting.pop_front();
    }
    return taken;
  }

  void run() {
    name_this_thread("atoll.log");
    try {
      write_all();
    } catch (const std::exception& problem) { // out of memory: no batch may be skipped
      calls.failed({errc::io, "writing the log in " + folder.string() + ": " + problem.what()});
    }
  }

  void write_all() {
    rocksdb::WriteBatch batch;
    for (auto taken = collect(); !taken.empty(); taken = collect()) {
      for (auto& it : taken)
        add_to(batch, it);
      batches += taken.size();
      bytes += batch.GetDataSize();
      auto begin = std::chrono::steady_clock::now();
      auto written = write(batch);
      auto spent = std::chrono::steady_clock::now() - begin;
      sync_us += static_cast<std::uint64_t>(spent / std::chrono::microseconds{1});
      ++syncs;
      if (!written.ok()) {
        calls.failed(rocksdb_error(written, "writing the log in " + folder.string()));
        return;
      }
      batch.Clear();
      calls.durable(taken.back().token);
    }
  }
};

record_log::record_log(std::unique_ptr<implementation> impl) : impl_{std::move(impl)} {}

record_log::~record_log() {
  {
    std::lock_guard lock{impl_->mutex};
    impl_->stopping = true;
  }
  impl_->wake.notify_all();
  if (impl_->thread.joinable())
    impl_->thread.join();
}

result<std::unique_ptr<record_log>> record_log::open(const std::filesystem::path& folder,
                                                     std::uint64_t wall_clock) {
  auto impl = std::make_unique<implementation>();
  impl->folder = folder;
  impl->environment = rocksdb::NewCompositeEnv(file_system_with_zeroed_logs());
  auto is_new = is_nothing(folder);
  if (!is_new)
    return tl::unexpected{cant_open(folder, is_new.error())};
  if (*is_new) {
    auto made = make_folder(folder, [&](const std::filesystem::path& beside) {
      return make_database(beside, impl->environment.get());
    });
    if (!made)
      return tl::unexpected{cant_open(folder, made.error())};
  }
  if (auto mended = cut_torn_tail(folder); !mended)
    return tl::unexpected{cant_open(folder, mended.error())};
  auto options = database_options();
  options.env = impl->environment.get();
  options.avoid_flush_during_recovery = !has_room_to_flush(folder, options);
  rocksdb::DB* db = nullptr;
  auto opened = rocksdb::DB::Open(options, folder.string(), &db);
  if (!opened.ok())
    return tl::unexpected{cant_open(folder, rocksdb_error(opened, "it doesn't open"))};
  impl->db.reset(db);
  auto incarnation = impl->begin_incarnation(wall_clock);
  if (!incarnation)
    return tl::unexpected{incarnation.error()};
  impl->incarnation = *incarnation;
  return std::unique_ptr<record_log>{new record_log{std::move(impl)}};
}

result<spi::stable_state> record_log::load() const {
  spi::stable_state state;
  std::string text;
  auto read = impl_->db->Get({}, slice(meta_key), &text);
  if (read.ok()) {
    state.meta = unsealed(meta_key, text);
    state.meta_corrupt = !state.meta;
  } else if (read.IsCorruption()) {
    state.meta_corrupt = true;
  } else if (!read.IsNotFound()) {
    return tl::unexpected{rocksdb_error(read, "reading the log in " + impl_->folder.string())};
  }
  std::unique_ptr<rocksdb::Iterator> it{impl_->db->NewIterator({})};
  for (it->Seek(std::string{record_prefix}); it->Valid(); it->Next()) {
    auto key = it->key().ToStringView();
    if (key.empty() || key.front() != record_prefix)
      break;
    if (key.size() != 1 + sizeof(std::uint32_t) + sizeof(std::uint64_t))
      return fail(errc::corrupt, "the log in " + impl_->folder.string() + " has a damaged key");
    spi::stable_record record;
    record.stream = read_big_endian<std::uint32_t>(key.substr(1));
    record.index = read_big_endian<std::uint64_t>(key.substr(5));
    if (auto bytes = unsealed(key, it->value().ToStringView()))
      record.bytes = std::move(*bytes);
    else
      record.state = spi::record_state::corrupt;
    state.records.push_back(std::move(record));
  }
  if (!it->status().ok())
    return tl::unexpected{
        rocksdb_error(it->status(), "reading the log in " + impl_->folder.string())};
  return state;
}

result<std::optional<record_log::binding>> record_log::read_binding() const {
  std::string text;
  auto read = impl_->db->Get({}, slice(binding_key), &text);
  if (read.IsNotFound())
    return std::optional<binding>{};
  if (!read.ok())
    return tl::unexpected{rocksdb_error(read, "reading the log in " + impl_->folder.string())};
  auto bytes = unsealed(binding_key, text);
  auto bound = bytes ? decode_binding(*bytes) : std::nullopt;
  if (!bound)
    return fail(errc::corrupt,
                fmt::format("the log in {} has a damaged record of the group that it belongs to: "
                            "restore the folder, or let the node join again under a new id",
                            impl_->folder.string()));
  return bound;
}

status record_log::bind(const binding& to) {
  auto written = impl_->write_now(binding_key, encode(to));
  if (!written.ok())
    return tl::unexpected{rocksdb_error(written, "writing the log in " + impl_->folder.string())};
  return {};
}

std::uint64_t record_log::incarnation() const {
  return impl_->incarnation;
}

void record_log::start(callbacks calls) {
  impl_->calls = std::move(calls);
  impl_->thread = std::thread{[impl = impl_.get()] { impl->run(); }};
}

void record_log::submit(spi::persist batch) {
  {
    std::lock_guard lock{impl_->mutex};
    impl_->waiting.push_back(std::move(batch));
  }
  impl_->wake.notify_one();
}

record_log::counters record_log::count() const {
  return {impl_->syncs, impl_->batches, impl_->bytes, impl_->sync_us};
}

} // namespace atl
