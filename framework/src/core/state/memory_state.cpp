#include "logic_calls.hpp"
#include "member_table.hpp"
#include "present_reader.hpp"
#include "row_cache.hpp"
#include "state_hash.hpp"

#include <atoll/core/state/memory_state.hpp>

#include <rocksdb/db.h>
#include <rocksdb/env.h>

#include <exception>
#include <stdexcept>
#include <utility>

namespace atl {

namespace {

/// Bound of the keys that are known to be missing from the empty database.
constexpr std::size_t known_bytes_max = 16u << 20;

/// The database without rows that all states lie over; nothing is ever written to it.
class empty_database {
 public:
  empty_database() : env_{rocksdb::NewMemEnv(rocksdb::Env::Default())} {
    rocksdb::Options options;
    options.env = env_.get();
    options.create_if_missing = true;
    options.stats_dump_period_sec = 0;
    options.stats_persist_period_sec = 0;
    rocksdb::DB* db = nullptr;
    if (auto opened = rocksdb::DB::Open(options, "/empty", &db); !opened.ok())
      throw std::runtime_error("an empty database in memory can't be opened: " + opened.ToString());
    db_.reset(db);
  }

  rocksdb::DB& db() { return *db_; }

 private:
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<rocksdb::DB> db_;
};

rocksdb::DB& no_rows() {
  static empty_database database;
  return database.db();
}

} // namespace

struct memory_state::implementation {
  explicit implementation(std::unique_ptr<service_logic> of)
      : logic{std::move(of)}, service{logic->info()} {}

  status load() {
    present_reader state{service, no_rows(), rows};
    try {
      logic->load(state);
    } catch (const std::exception& thrown) {
      return tl::unexpected{thrown_by(service, "a start", thrown)};
    }
    if (state.failure())
      return tl::unexpected{*state.failure()};
    return {};
  }

  std::unique_ptr<service_logic> logic;
  service_info service;
  write_buffer rows = empty_buffer(service); ///< all of the state
  row_cache known{known_bytes_max};          ///< of the empty database
  state_meta meta;
};

memory_state::memory_state(std::unique_ptr<implementation> self) : self_{std::move(self)} {}
memory_state::~memory_state() = default;

result<std::unique_ptr<memory_state>> memory_state::create(std::unique_ptr<service_logic> logic,
                                                           const std::string& birth) {
  auto self = std::make_unique<implementation>(std::move(logic));
  if (auto put = put_birth(self->rows, birth); !put)
    return tl::unexpected{put.error()};
  if (!birth.empty())
    self->meta.cluster_id = decode_group_birth(birth)->cluster;
  if (auto made = make_first_rows(no_rows(), *self->logic, self->service, self->meta, self->rows);
      !made)
    return tl::unexpected{made.error()};
  if (auto loaded = self->load(); !loaded)
    return tl::unexpected{loaded.error()};
  return std::unique_ptr<memory_state>{new memory_state{std::move(self)}};
}

result<std::unique_ptr<memory_state>>
memory_state::copy(std::unique_ptr<service_logic> logic) const {
  auto self = std::make_unique<implementation>(std::move(logic));
  self->meta = self_->meta;
  self_->rows.visit([&](const std::string& key, const row& it) {
    if (it.value)
      self->rows.put(key, *it.value);
  });
  if (auto loaded = self->load(); !loaded)
    return tl::unexpected{loaded.error()};
  return std::unique_ptr<memory_state>{new memory_state{std::move(self)}};
}

spi::log_index memory_state::applied() const {
  return self_->meta.applied;
}

result<std::string> memory_state::apply(const spi::committed_entry& entry) {
  transaction state{self_->service, {no_rows(), self_->known, self_->rows, self_->meta, true}};
  std::vector<std::string> answers;
  try {
    if (auto done = apply_entries({&entry, 1}, *self_->logic, self_->service, state, self_->meta,
                                  self_->rows, answers);
        !done)
      return tl::unexpected{done.error()};
  } catch (const std::exception& thrown) {
    return tl::unexpected{thrown_by(self_->service, "a command", thrown)};
  }
  return std::move(answers.front());
}

result<std::string> memory_state::query(std::string_view query) const {
  present_reader state{self_->service, no_rows(), self_->rows};
  auto answer = answer_query(query, *self_->logic, self_->service, state);
  if (state.failure())
    return tl::unexpected{*state.failure()};
  return answer;
}

std::optional<error> memory_state::admission_check(std::string_view command) const {
  auto decoded = decode_session_command(command);
  if (!decoded)
    return decoded.error();
  return check_command(decoded->command, *self_->logic);
}

std::chrono::microseconds memory_state::latest_stamp() const {
  return std::chrono::microseconds{self_->meta.latest_us};
}

std::uint64_t memory_state::digest() const {
  state_hash hash;
  for (const auto& [key, it] : self_->rows.all_in_order()) {
    if (!it.value)
      continue;
    hash.add(key);
    hash.add(*it.value);
  }
  return hash.value();
}

std::uint64_t memory_state::application_digest() const {
  std::uint64_t sum = 0; // in any order, so that the rows needn't be sorted
  self_->rows.visit([&sum](const std::string& key, const row& it) {
    if (!it.value || is_of_framework(key))
      return;
    state_hash hash;
    hash.add(key);
    hash.add(*it.value);
    sum += hash.value();
  });
  return sum;
}

void memory_state::visit_rows(const row_visitor& visit) const {
  for (const auto& [key, it] : self_->rows.all_in_order())
    if (it.value && !is_of_framework(key) && !visit(key, *it.value))
      return;
}

} // namespace atl
