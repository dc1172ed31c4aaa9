#include "namespace/name_space.hpp"

#include "namespace/apply.hpp"
#include "namespace/database.hpp"
#include "namespace/disk_ballast.hpp"
#include "namespace/execute_query.hpp"
#include "namespace/free_space.hpp"
#include "namespace/response.hpp"

#include <fmt/format.h>
#include <openssl/evp.h>
#include <rocksdb/utilities/checkpoint.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <tuple>
#include <utility>

namespace dfs {

using atl::errc;
using atl::fail;
using atl::spi::committed_entry;
using atl::spi::log_index;

struct name_space::impl {
  impl(std::filesystem::path where, const name_space_settings& how)
      : folder{std::move(where)}, settings{how}, disk{folder, how.free_bytes_min},
        ballast{how.ballast, how.free_bytes_min} {}

  std::filesystem::path folder;
  name_space_settings settings;
  free_space disk;      ///< used by the thread that calls `admission_check`
  disk_ballast ballast; ///< the applying thread's
  std::unique_ptr<rocksdb::DB> db;
  mutable std::mutex turnstile; ///< taken before `present`, so that readers don't starve a writer
  mutable std::shared_mutex present; ///< guards `db` and `buffer` against readers
  state::write_buffer buffer;        ///< changed by the applying thread
  state::meta meta;                  ///< the applying thread's
  state::row_cache known;            ///< the applying thread's
  std::size_t unflushed_bytes = 0;   ///< of commands; the applying thread's
  int slow_calls =
      0; ///< calls of `apply` that are expected to need the disk; the applying thread's
  std::string cluster_id;                   ///< of `meta`, for every thread
  std::atomic<log_index> applied = 0;       ///< of `meta`, for every thread
  std::optional<atl::error> broken;         ///< the applying thread's
  std::atomic<bool> unreadable = false;     ///< for every thread: an entry may be applied in part
  std::atomic<std::uint64_t> latest_us = 0; ///< of `meta`, for every thread

  atl::error fail_for_good(atl::error why) {
    why.message = fmt::format("name space in '{}': {}", folder.native(), why.message);
    broken = why;
    unreadable = true;
    return why;
  }

  std::shared_lock<std::shared_mutex> to_read() const {
    std::lock_guard turn{turnstile};
    return std::shared_lock{present};
  }
  std::unique_lock<std::shared_mutex> to_change() const {
    std::lock_guard turn{turnstile};
    return std::unique_lock{present};
  }

  /// Applies entries and appends the answer to each. For the applying thread, without readers.
  atl::status run(std::span<const committed_entry> entries, state::transaction& state,
                  std::vector<std::string>& answers);
  /// The rows that are not in the database yet.
  atl::status write();
};

namespace {

/// Bound of the entries that are applied while readers wait.
constexpr std::size_t entries_at_once = 16;

/// After a call of `apply` that needed the disk, so many further calls are expected to need it.
constexpr int slow_calls_after_disk = 16;

/// Would a refusal of the command save space? Commands that free space or admit other disks must be
/// carried out on a full disk as well.
bool adds_to_state(const action& action) {
  return std::holds_alternative<commands::mkdir>(action) ||
         std::holds_alternative<commands::put_file>(action) ||
         std::holds_alternative<commands::rename>(action);
}

void hash_text(EVP_MD_CTX& context, std::string_view text) {
  std::uint64_t size = text.size();
  EVP_DigestUpdate(&context, &size, sizeof size);
  EVP_DigestUpdate(&context, text.data(), text.size());
}

} // namespace

name_space::name_space(std::unique_ptr<impl> self) : self_{std::move(self)} {}

name_space::~name_space() {
  if (self_ && !self_->broken)
    std::ignore =
        self_->write(); // the log has the entries too; writing only shortens the next start
}

atl::result<std::unique_ptr<name_space>> name_space::open(const std::filesystem::path& folder,
                                                          const name_space_settings& settings) {
  auto opened = state::open_database(folder, settings);
  if (!opened)
    return tl::unexpected{opened.error()};
  auto self = std::make_unique<impl>(folder, settings);
  self->db = std::move(opened->db);
  self->meta = opened->meta;
  self->cluster_id = opened->meta.cluster_id;
  self->applied = opened->meta.applied;
  self->latest_us = opened->meta.latest_us;
  return std::unique_ptr<name_space>{new name_space{std::move(self)}};
}

log_index name_space::applied() const {
  return self_->applied;
}

const std::string& name_space::cluster_id() const {
  return self_->cluster_id;
}

atl::status name_space::impl::run(std::span<const committed_entry> entries,
                                  state::transaction& state, std::vector<std::string>& answers) {
  for (const auto& entry : entries) {
    auto& index = meta.applied;
    if (entry.index != index + 1)
      return fail(errc::internal,
                  fmt::format("entry {} came where entry {} was due", entry.index, index + 1));
    index = entry.index;
    unflushed_bytes += entry.command.size();
    answers.push_back(entry.no_op ? std::string{} : state::apply_command(state, entry.command));
    if (state.failure())
      return tl::unexpected{*state.failure()};
  }
  state.put_meta();
  return {};
}

atl::status name_space::impl::write() {
  if (buffer.empty())
    return {};
  // Readers find the rows in memory until they are in the database, so they needn't wait.
  if (auto written = state::write_rows(*db, buffer, {}); !written)
    return tl::unexpected{fail_for_good(written.error())};
  state::write_buffer rows;
  {
    auto lock = to_change();
    std::swap(rows, buffer);
  }
  rows.move_to(known);
  return {};
}

atl::result<std::vector<std::string>> name_space::apply(std::span<const committed_entry> entries) {
  if (self_->broken)
    return tl::unexpected{*self_->broken};
  if (entries.empty())
    return std::vector<std::string>{};
  state::transaction state{*self_->db, self_->known, self_->buffer, self_->meta};
  std::vector<std::string> answers;
  answers.reserve(entries.size());
  while (!entries.empty()) {
    auto some = entries.first(std::min(entries.size(), entries_at_once));
    entries = entries.subspan(some.size());
    auto lock = self_->to_change();
    if (auto done = self_->run(some, state, answers); !done)
      return tl::unexpected{self_->fail_for_good(done.error())};
  }
  self_->applied = self_->meta.applied;
  self_->latest_us = self_->meta.latest_us;
  auto& slow = self_->slow_calls;
  slow = state.disk_reads() > 0 ? slow_calls_after_disk : slow - std::min(slow, 1);
  return answers;
}

atl::result<std::string> name_space::query(std::string_view query) const {
  auto lock = self_->to_read();
  if (self_->unreadable)
    return fail(errc::unavailable, "the name space can't be read any more");
  state::present_reader present{*self_->db, self_->buffer};
  auto answer = state::execute_query(present, query);
  if (!answer)
    self_->unreadable = true; // other rows may be damaged as well
  return answer;
}

std::optional<std::string> name_space::try_query_in_memory(std::string_view query) const {
  if (!is_about_one_entry(query))
    return std::nullopt;
  auto lock = self_->to_read();
  if (self_->unreadable)
    return std::nullopt;
  state::present_reader present{*self_->db, self_->buffer, state::reads::memory};
  auto answer = state::execute_query(present, query);
  if (!answer) // the query needs the disk or fails: `query` handles both
    return std::nullopt;
  return std::move(*answer);
}

bool name_space::can_apply_inline() const {
  return self_->slow_calls == 0;
}

std::optional<atl::error> name_space::admission_check(std::string_view bytes) const {
  auto command = decode_command(bytes);
  if (!command)
    return command.error();
  auto why = adds_to_state(command->action) ? shortage() : std::nullopt;
  return why ? std::optional{atl::error{errc::no_space, *why}} : std::nullopt;
}

std::optional<std::string> name_space::shortage() const {
  return self_->disk.shortage();
}

bool name_space::takes_space(std::string_view bytes) const {
  auto command = decode_command(bytes);
  return !command || adds_to_state(command->action);
}

void name_space::stamp(std::string& command, std::chrono::microseconds since_1970) const {
  stamp_command(command, static_cast<std::uint64_t>(since_1970.count()));
}

std::chrono::microseconds name_space::latest_stamp() const {
  return std::chrono::microseconds{self_->latest_us.load()};
}

atl::result<log_index> name_space::flush() {
  if (self_->broken)
    return tl::unexpected{*self_->broken};
  auto index = self_->meta.applied;
  self_->unflushed_bytes = 0;
  if (auto written = self_->write(); !written)
    return tl::unexpected{written.error()};
  // A failed sync isn't retried: the system may have dropped the data that it couldn't write.
  if (auto synced = self_->db->FlushWAL(true); !synced.ok())
    return tl::unexpected{self_->fail_for_good(state::to_error(synced))};
  self_->ballast.restore();
  return index;
}

bool name_space::flush_due() const {
  return self_->buffer.bytes() >= self_->settings.write_buffer_bytes_max ||
         self_->unflushed_bytes >= self_->settings.unflushed_bytes_max;
}

atl::result<log_index> name_space::save(const std::filesystem::path& folder) {
  if (self_->broken)
    return tl::unexpected{*self_->broken};
  if (auto written = self_->write(); !written)
    return tl::unexpected{written.error()};
  rocksdb::Checkpoint* made = nullptr;
  auto done = rocksdb::Checkpoint::Create(self_->db.get(), &made);
  std::unique_ptr<rocksdb::Checkpoint> checkpoint{made};
  if (done.ok())
    done = checkpoint->CreateCheckpoint(folder.native());
  if (!done.ok())
    return fail(state::to_error(done),
                fmt::format("can't make a snapshot in '{}'", folder.native()));
  return self_->meta.applied;
}

atl::status name_space::check_saved(const std::filesystem::path& folder) const {
  auto checked = state::check_tables(folder);
  if (!checked && checked.error().code == errc::corrupt)
    self_->unreadable = true; // the tables are this name space's own
  return checked;
}

atl::result<log_index> name_space::load(const std::filesystem::path& folder) {
  // Opens the copy where it is first, to refuse anything that isn't a name space of this cluster.
  auto wanted = self_->settings;
  wanted.cluster_id = self_->cluster_id;
  if (auto probe = state::open_database(folder, wanted); !probe)
    return tl::unexpected{probe.error()};
  else if (probe->meta.applied < self_->meta.applied)
    return fail(errc::invalid, fmt::format("a snapshot up to entry {} is behind the state, which "
                                           "is at entry {}",
                                           probe->meta.applied, self_->meta.applied));
  if (auto written = self_->write();
      !written) // so that the old state is complete if the new one can't be moved
    return tl::unexpected{written.error()};
  auto lock = self_->to_change();
  self_->db.reset();
  auto swapped = state::replace_database(self_->folder, folder);
  auto opened = state::open_database(self_->folder, wanted);
  if (!opened)
    return tl::unexpected{self_->fail_for_good(opened.error())};
  self_->db = std::move(opened->db);
  self_->known.clear();
  self_->meta = opened->meta;
  self_->applied = self_->meta.applied;
  self_->latest_us = self_->meta.latest_us;
  if (!swapped)
    return tl::unexpected{swapped.error()};
  return self_->meta.applied;
}

atl::result<std::string> name_space::digest() const {
  std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> context{EVP_MD_CTX_new(),
                                                                  &EVP_MD_CTX_free};
  if (!context || EVP_DigestInit_ex(context.get(), EVP_sha256(), nullptr) != 1)
    return fail(errc::internal, "OpenSSL offers no SHA-256");
  auto lock = self_->to_read();
  if (self_->unreadable)
    return fail(errc::unavailable, "the name space can't be read any more");
  auto read = state::scan_over(*self_->db, self_->buffer.all_in_order(), {}, {}, {},
                               [&](std::string_view key, std::string_view value) {
                                 hash_text(*context, key);
                                 hash_text(*context, value);
                                 return true;
                               });
  if (!read.ok())
    return tl::unexpected{state::to_error(read)};
  unsigned char hash[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  EVP_DigestFinal_ex(context.get(), hash, &size);
  std::string text;
  for (unsigned i = 0; i < size; ++i)
    fmt::format_to(std::back_inserter(text), "{:02x}", hash[i]);
  return text;
}

} // namespace dfs
