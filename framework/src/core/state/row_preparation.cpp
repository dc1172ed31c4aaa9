#include "row_preparation.hpp"

#include "logic_calls.hpp"
#include "state_rows.hpp"

#include <exception>
#include <utility>

namespace atl {

void row_preparation::prepare(const session_command& command, const service_logic& logic,
                              const service_info& service) {
  if (is_closing_)
    return;
  std::shared_lock lock{in_use_};
  if (db_ == nullptr)
    return;
  auto epoch = rows_.epoch();
  auto lately = borrow();
  if (std::exchange(lately->epoch, epoch) != epoch)
    lately->rows.clear();
  preparing_reader state{service, *db_, *lately};
  state.touch(state_keys::session(command.session));
  try {
    if (!is_framework_command(command.command))
      logic.prepare(state, command.command);
  } catch (const std::exception&) { // `apply` meets its cause, if there is one
  }
  if (state.read_disk())
    note_disk_read();
  else if (worthwhile_ > 0)
    --worthwhile_;
  rows_.add(epoch, state.take_rows());
  give_back(std::move(lately));
}

void row_preparation::use(rocksdb::DB* db) {
  is_closing_ = true;
  std::unique_lock lock{in_use_};
  db_ = db;
  rows_.begin_epoch();
  is_closing_ = false;
}

std::unique_ptr<lately_prepared> row_preparation::borrow() {
  std::lock_guard lock{mutex_};
  if (idle_.empty())
    return std::make_unique<lately_prepared>();
  auto lately = std::move(idle_.back());
  idle_.pop_back();
  return lately;
}

void row_preparation::give_back(std::unique_ptr<lately_prepared> lately) {
  std::lock_guard lock{mutex_};
  idle_.push_back(std::move(lately));
}

} // namespace atl
