#include "sim_membership.hpp"

#include <fmt/format.h>

#include <chrono>

namespace atl::sim {

namespace {

using milliseconds = group_admission::timestamp;

constexpr milliseconds founding_delay{1'000};
constexpr milliseconds answer_lifetime{1'000};

milliseconds to_milliseconds(std::int64_t now) {
  return std::chrono::duration_cast<milliseconds>(std::chrono::microseconds{now});
}

std::string folder_of(spi::replica_id id, std::uint32_t disk) {
  return fmt::format("disk {} of replica {}", disk, id);
}

member_identity identity_of(spi::replica_id id) {
  return {id, fmt::format("replica {}", id), {}, {}};
}

} // namespace

sim_membership::sim_membership(spi::replica_id self, const std::vector<spi::replica_id>& founders) {
  self_.self = identity_of(self);
  self_.self.folder = folder_of(self, disks_);
  self_.cluster = "simulation";
  for (auto id : founders)
    founders_.push_back(identity_of(id));
  birth_ = group_birth{"the first group", self_.cluster, {}, {}, founders_};
  for (auto& founder : birth_->founders)
    founder.folder = folder_of(founder.id, 1);
}

void sim_membership::wipe() {
  self_.self.folder = folder_of(self_.self.id, ++disks_);
  birth_.reset();
  stop_asking();
}

membership_response sim_membership::answer(const std::string& folder) const {
  membership_response out{self_, birth_, 0};
  if (birth_)
    for (auto& founder : birth_->founders)
      if (founder.folder == folder)
        out.admitted_as = founder.id;
  return out;
}

void sim_membership::start_asking(std::int64_t now) {
  group_admission::settings settings;
  settings.self = self_;
  settings.founders = founders_;
  settings.founding_delay = founding_delay;
  settings.answer_lifetime = answer_lifetime;
  admission_.emplace(std::move(settings), to_milliseconds(now));
}

void sim_membership::on_response(const membership_response& answer, std::int64_t now) {
  admission_->on_response(answer, to_milliseconds(now));
}

void sim_membership::on_unreachable(spi::replica_id peer) {
  admission_->on_unreachable(peer, "it can't be reached");
}

std::string sim_membership::decide(std::int64_t now) {
  using verdict = group_admission::verdict;
  auto fresh_group = fmt::format("a group founded by {} at {}", self_.self.name, now);
  auto decision = admission_->decide(to_milliseconds(now), fresh_group);
  if (decision.what != verdict::found && decision.what != verdict::join)
    return decision.why;
  birth_ = std::move(decision.birth);
  stop_asking();
  return {};
}

} // namespace atl::sim
