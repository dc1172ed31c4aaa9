#include <atoll/core/outlier_detector.hpp>

#include <algorithm>
#include <utility>

namespace atl {

void outlier_detector::update(std::vector<record> members) {
  members_ = std::move(members);
  ejected_ = 0;
  next_return_ = spi::timestamp::max();
  for (auto& member : members_)
    if (member.ejected) {
      ++ejected_;
      next_return_ = std::min(next_return_, member.until);
    }
}

std::size_t outlier_detector::ejected_max() const {
  auto share = options_.share_max * static_cast<double>(members_.size());
  return std::max<std::size_t>(static_cast<std::size_t>(share), 1);
}

bool outlier_detector::observe(spi::slot who, bool ok, spi::timestamp now) {
  auto& member = members_[who];
  if (ok) {
    member.failures = 0;
    if (member.ejections > 0 && now - member.last >= options_.ejection) {
      --member.ejections;
      member.last = now;
    }
    return false;
  }
  if (options_.failures == 0 || member.ejected || ++member.failures < options_.failures)
    return false;
  member.failures = 0;
  // The last member of a pool stays: a request to it may fail, a request to none must.
  if (members_.size() < 2 || ejected_ >= ejected_max())
    return false;
  ++ejected_;
  member.ejected = true;
  auto length = options_.ejection;
  for (std::uint32_t i = 0; i < member.ejections && length < options_.ejection_max; ++i)
    length *= 2;
  ++member.ejections;
  member.until = now + std::min(length, options_.ejection_max);
  next_return_ = std::min(next_return_, member.until);
  return true;
}

bool outlier_detector::expire_one(record& member, spi::timestamp now) {
  if (now < member.until) {
    next_return_ = std::min(next_return_, member.until);
    return false;
  }
  member.ejected = false;
  member.last = member.until;
  --ejected_;
  return true;
}

} // namespace atl
