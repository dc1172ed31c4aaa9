#include "sim_disk.hpp"

#include <algorithm>

namespace atl::sim {

void sim_disk::carry_out(std::vector<spi::disk_op>& ops) {
  for (auto& op : ops) {
    if (auto put = std::get_if<spi::put_record>(&op)) {
      place where{put->stream, put->index};
      records_.insert_or_assign(where, std::move(put->bytes));
      damaged_.erase(where);
    } else if (auto erase = std::get_if<spi::erase_records>(&op)) {
      if (erase->last < erase->first)
        continue;
      auto first = records_.lower_bound({erase->stream, erase->first});
      auto last = records_.upper_bound({erase->stream, erase->last});
      for (auto it = first; it != last; it = records_.erase(it))
        damaged_.erase(it->first);
    } else if (auto meta = std::get_if<spi::set_meta>(&op)) {
      meta_ = std::move(meta->bytes);
      meta_damaged_ = false;
    }
  }
}

spi::persist_token sim_disk::end_sync() {
  spi::persist_token last = 0;
  for (; syncing_ > 0; --syncing_) {
    last = queue_.front().token;
    carry_out(queue_.front().ops);
    queue_.pop_front();
  }
  return last;
}

void sim_disk::crash(std::size_t kept) {
  syncing_ = std::min(kept, queue_.size());
  end_sync();
  queue_.clear();
}

spi::stable_state sim_disk::read() const {
  spi::stable_state out;
  out.meta_corrupt = meta_damaged_;
  if (!meta_damaged_)
    out.meta = meta_;
  out.records.reserve(records_.size());
  for (auto& [where, bytes] : records_) {
    auto damaged = damaged_.count(where) != 0;
    out.records.push_back({where.first, where.second,
                           damaged ? spi::record_state::corrupt : spi::record_state::ok,
                           damaged ? std::string{} : bytes});
  }
  return out;
}

bool sim_disk::damage(place where) {
  if (records_.count(where) == 0)
    return false;
  damaged_.insert(where);
  return true;
}

void sim_disk::lose() {
  records_.clear();
  damaged_.clear();
  meta_.reset();
  meta_damaged_ = false;
  queue_.clear();
  syncing_ = 0;
}

std::vector<sim_disk::place> sim_disk::places() const {
  std::vector<place> out;
  out.reserve(records_.size());
  for (auto& [where, bytes] : records_)
    out.push_back(where);
  return out;
}

} // namespace atl::sim
