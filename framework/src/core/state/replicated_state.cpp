#include "logic_calls.hpp"
#include "present_reader.hpp"
#include "replicated_state_implementation.hpp"

#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/group_members.hpp>

#include <algorithm>
#include <exception>
#include <tuple>

namespace atl {

using spi::committed_entry;
using spi::log_index;

namespace {

/// Bound of the entries that are applied while readers wait.
constexpr std::size_t entries_at_once = 16;

/// After a call of `apply` that needed the disk, so many further calls are expected to need it.
constexpr int slow_calls_after_disk = 16;

/// A failed sync isn't retried: the system may have dropped the data that it couldn't write.
status sync(rocksdb::DB& db, const service_info& service) {
  if (auto synced = db.FlushWAL(true); !synced.ok())
    return tl::unexpected{to_error(synced, service)};
  return {};
}

} // namespace

replicated_state::replicated_state(std::unique_ptr<implementation> self) : self_{std::move(self)} {}

replicated_state::~replicated_state() {
  if (self_ && self_->db && !self_->broken)
    std::ignore =
        self_->write(); // the log has the entries too; writing only shortens the next start
}

result<std::unique_ptr<replicated_state>>
replicated_state::open(const std::filesystem::path& folder, const settings& how,
                       std::unique_ptr<service_logic> logic) {
  auto self = std::make_unique<implementation>(folder, how, std::move(logic));
  if (auto ready = prepare_database(folder, how, self->service, *self->logic); !ready)
    return tl::unexpected{ready.error()};
  auto opened = open_database(folder, how, self->service);
  if (!opened)
    return tl::unexpected{opened.error()};
  if (auto used = self->use(std::move(*opened)); !used)
    return tl::unexpected{used.error()};
  return std::unique_ptr<replicated_state>{new replicated_state{std::move(self)}};
}

status replicated_state::implementation::use(opened_database opened) {
  db = std::move(opened.db);
  known.clear();
  preparation.use(db.get());
  meta = std::move(opened.meta);
  applied = meta.applied;
  latest_us = meta.latest_us;
  how.cluster_id = meta.cluster_id;
  present_reader state{service, *db, buffer};
  try {
    logic->load(state);
  } catch (const std::exception& thrown) {
    return tl::unexpected{fail_for_good(thrown_by(service, "a start", thrown))};
  }
  if (state.failure())
    return tl::unexpected{fail_for_good(*state.failure())};
  return {};
}

log_index replicated_state::applied() const {
  return self_->applied;
}

status replicated_state::implementation::run(std::span<const committed_entry> entries,
                                             transaction& state,
                                             std::vector<std::string>& answers) {
  for (const auto& entry : entries)
    unflushed_bytes += entry.command.size();
  return apply_entries(entries, *logic, service, state, meta, buffer, answers);
}

result<std::vector<member_identity>> replicated_state::members() const {
  auto answer = query(members_query());
  if (!answer)
    return tl::unexpected{answer.error()};
  return decode_members(*answer);
}

status replicated_state::implementation::write() {
  if (buffer.aside() != nullptr) // a flush that didn't end
    if (auto written = write_aside(); !written)
      return written;
  if (buffer.empty())
    return {};
  set_aside();
  return write_aside();
}

std::shared_ptr<const write_buffer> replicated_state::implementation::set_aside() {
  auto lock = to_change();
  return buffer.set_aside();
}

status replicated_state::implementation::write_aside() {
  if (auto written = write_rows(*db, *buffer.aside(), {}, service); !written)
    return tl::unexpected{fail_for_good(written.error())};
  drop_aside();
  return {};
}

void replicated_state::implementation::drop_aside() {
  std::shared_ptr<const write_buffer> rows;
  {
    auto lock = to_change();
    rows = buffer.drop_aside();
  }
  preparation.on_written();
  rows->copy_to(known);
}

result<std::vector<std::string>> replicated_state::apply(std::span<const committed_entry> entries) {
  if (self_->broken)
    return tl::unexpected{*self_->broken};
  if (entries.empty())
    return std::vector<std::string>{};
  transaction state{self_->service, {*self_->db, self_->known, self_->buffer, self_->meta}};
  std::vector<std::string> answers;
  answers.reserve(entries.size());
  while (!entries.empty()) {
    auto some = entries.first(std::min(entries.size(), entries_at_once));
    entries = entries.subspan(some.size());
    self_->preparation.move_to(self_->known);
    auto lock = self_->to_change();
    try {
      if (auto done = self_->run(some, state, answers); !done)
        return tl::unexpected{self_->fail_for_good(done.error())};
    } catch (const std::exception& thrown) { // entries are applied in part
      return tl::unexpected{self_->fail_for_good(thrown_by(self_->service, "a command", thrown))};
    }
  }
  self_->applied = self_->meta.applied;
  self_->latest_us = self_->meta.latest_us;
  if (state.disk_reads() > 0)
    self_->preparation.note_disk_read();
  auto& slow = self_->slow_calls;
  slow = state.disk_reads() > 0 ? slow_calls_after_disk : slow - std::min(slow, 1);
  return answers;
}

result<std::string> replicated_state::query(std::string_view query) const {
  auto lock = self_->to_read();
  if (self_->unreadable)
    return tl::unexpected{self_->unreadable_error()};
  present_reader present{self_->service, *self_->db, self_->buffer};
  auto answer = self_->answer(present, query);
  if (!present.failure())
    return answer;
  self_->make_unreadable(*present.failure()); // other rows may be damaged as well
  return tl::unexpected{*present.failure()};
}

std::string replicated_state::implementation::answer(state_view& state,
                                                     std::string_view query) const {
  return answer_query(query, *logic, service, state);
}

std::optional<std::string> replicated_state::try_query_in_memory(std::string_view query) const {
  if (is_framework_query(query) || !self_->logic->is_short_query(query))
    return std::nullopt;
  auto lock = self_->to_read();
  if (self_->unreadable)
    return std::nullopt;
  present_reader present{self_->service, *self_->db, self_->buffer, reads::memory};
  auto answer = self_->answer(present, query);
  if (present.failure()) // the query needs the disk or fails: `query` handles both
    return std::nullopt;
  return answer;
}

bool replicated_state::can_apply_inline() const {
  return self_->slow_calls == 0;
}

bool replicated_state::wants_prepare() const {
  return self_->preparation.is_worthwhile();
}

void replicated_state::prepare(std::string_view bytes) const {
  auto decoded = decode_session_command(bytes);
  if (decoded && !self_->unreadable)
    self_->preparation.prepare(*decoded, *self_->logic, self_->service);
}

std::optional<error> replicated_state::admission_check(std::string_view bytes) const {
  auto decoded = decode_session_command(bytes);
  if (!decoded)
    return decoded.error();
  if (auto why = check_command(decoded->command, *self_->logic))
    return why;
  auto why = takes_space(bytes) ? shortage() : std::nullopt;
  return why ? std::optional{error{errc::no_space, *why}} : std::nullopt;
}

std::optional<std::string> replicated_state::shortage() const {
  return self_->disk.shortage();
}

bool replicated_state::takes_space(std::string_view bytes) const {
  auto decoded = decode_session_command(bytes);
  if (decoded && is_framework_command(decoded->command)) // needed to let another disk in
    return false;
  return !decoded || self_->logic->takes_space(decoded->command);
}

void replicated_state::stamp(std::string& command, std::chrono::microseconds since_1970) const {
  stamp_command(command, static_cast<std::uint64_t>(since_1970.count()));
}

std::chrono::microseconds replicated_state::latest_stamp() const {
  return std::chrono::microseconds{self_->latest_us.load()};
}

result<log_index> replicated_state::flush() {
  if (self_->broken)
    return tl::unexpected{*self_->broken};
  auto index = self_->meta.applied;
  self_->unflushed_bytes = 0;
  if (auto written = self_->write(); !written)
    return tl::unexpected{written.error()};
  if (auto synced = sync(*self_->db, self_->service); !synced)
    return tl::unexpected{self_->fail_for_good(synced.error())};
  self_->ballast.restore();
  return index;
}

std::function<status()> replicated_state::begin_flush() {
  if (self_->broken || self_->buffer.aside() != nullptr)
    return nullptr;
  self_->flushing = self_->meta.applied;
  self_->unflushed_bytes = 0;
  return [this, rows = self_->set_aside()] {
    auto done = write_rows(*self_->db, *rows, {}, self_->service);
    return done ? sync(*self_->db, self_->service) : done;
  };
}

result<log_index> replicated_state::end_flush(const status& written) {
  if (self_->broken)
    return tl::unexpected{*self_->broken};
  if (!written)
    return tl::unexpected{self_->fail_for_good(written.error())};
  self_->drop_aside();
  self_->ballast.restore();
  return self_->flushing;
}

bool replicated_state::flush_due() const {
  return self_->buffer.bytes() >= self_->how.write_buffer_bytes_max ||
         self_->unflushed_bytes >= self_->how.unflushed_bytes_max;
}

} // namespace atl
