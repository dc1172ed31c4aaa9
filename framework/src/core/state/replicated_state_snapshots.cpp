#include "replicated_state_implementation.hpp"
#include "state_hash.hpp"

#include <rocksdb/utilities/checkpoint.h>

// Copies of a whole state.
namespace atl {

using spi::log_index;

result<log_index> replicated_state::save(const std::filesystem::path& folder) {
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
    return fail(to_error(done, self_->service),
                fmt::format("can't make a snapshot in '{}'", folder.native()));
  return self_->meta.applied;
}

status replicated_state::check_saved(const std::filesystem::path& folder) const {
  auto checked = check_tables(folder, self_->service);
  if (!checked && checked.error().code == errc::corrupt) // the tables are this state's own
    self_->make_unreadable(checked.error());
  return checked;
}

result<log_index> replicated_state::load(const std::filesystem::path& folder) {
  // Opens the copy where it is first, to refuse anything that isn't a state of this cluster.
  if (auto probe = open_database(folder, self_->how, self_->service); !probe)
    return tl::unexpected{probe.error()};
  else if (probe->meta.applied < self_->meta.applied)
    return fail(errc::invalid, fmt::format("a snapshot up to entry {} is behind the state, which "
                                           "is at entry {}",
                                           probe->meta.applied, self_->meta.applied));
  if (auto written = self_->write();
      !written) // so that the old state is complete if the new one can't be moved
    return tl::unexpected{written.error()};
  auto lock = self_->to_change();
  self_->preparation.use(nullptr);
  self_->db.reset();
  auto swapped = replace_database(self_->folder, folder, self_->service);
  auto opened = open_database(self_->folder, self_->how, self_->service);
  if (!opened)
    return tl::unexpected{self_->fail_for_good(opened.error())};
  if (auto used = self_->use(std::move(*opened)); !used)
    return tl::unexpected{used.error()};
  if (!swapped)
    return tl::unexpected{swapped.error()};
  return self_->meta.applied;
}

result<std::string> replicated_state::digest() const {
  auto lock = self_->to_read();
  if (self_->unreadable)
    return tl::unexpected{self_->unreadable_error()};
  state_hash hash;
  auto read = scan_over(*self_->db, self_->buffer.all_in_order(), {}, {}, {},
                        [&](std::string_view key, std::string_view value) {
                          hash.add(key);
                          hash.add(value);
                          return true;
                        });
  if (!read.ok())
    return tl::unexpected{to_error(read, self_->service)};
  return fmt::format("{:016x}", hash.value());
}

status replicated_state::visit_rows(const row_visitor& visit) const {
  auto lock = self_->to_read();
  if (self_->unreadable)
    return tl::unexpected{self_->unreadable_error()};
  auto read = scan_over(*self_->db, self_->buffer.all_in_order(), {}, {}, {},
                        [&](std::string_view key, std::string_view value) {
                          return is_of_framework(key) || visit(key, value);
                        });
  if (!read.ok())
    return tl::unexpected{to_error(read, self_->service)};
  return {};
}

} // namespace atl
