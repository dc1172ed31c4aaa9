#pragma once

#include <atoll/spi/recovery.hpp>

#include <algorithm>
#include <vector>

/// A scheme for tests in which any `needed` of `total` fragments make a unit, each a part of its
/// size, as with an erasure code. It encodes nothing.
class striped_scheme : public atl::spi::recovery {
 public:
  striped_scheme(std::uint32_t total, std::uint32_t needed) : total_{total}, needed_{needed} {}

  atl::spi::fragment_layout layout() const override {
    return {total_, needed_, std::min(total_, needed_ + 1), false};
  }
  std::vector<std::string_view> encode(std::string_view, std::string&) const override { return {}; }
  std::optional<std::string_view> decode(std::size_t,
                                         std::span<const std::optional<std::string_view>>,
                                         std::string&) const override {
    return std::nullopt;
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t) const override {
    return (size + needed_ - 1) / needed_;
  }
  bool enough(const std::vector<bool>& present) const override {
    return static_cast<std::uint32_t>(std::ranges::count(present, true)) >= needed_;
  }

  std::uint32_t per_domain_max() const override { return total_ - needed_; }

  atl::spi::verdict judge(const atl::spi::chunk_report& report) const override {
    using atl::spi::chunk_health;
    auto good = good_of(report);
    if (good.size() < needed_)
      return {chunk_health::lost, 0};
    auto spare = static_cast<std::uint32_t>(good.size()) - needed_;
    if (good.size() == total_)
      return {chunk_health::healthy, spare};
    return {spare == 0 ? chunk_health::critical : chunk_health::degraded, spare};
  }

  std::vector<atl::spi::repair_step>
  plan(std::span<const atl::spi::chunk_report> reports) const override {
    std::vector<atl::spi::repair_step> steps;
    for (auto& report : reports) {
      auto good = good_of(report);
      for (std::uint32_t i = 0; i < total_ && good.size() >= needed_; ++i) {
        if (std::ranges::find(good, i, &atl::spi::fragment_report::index) != good.end())
          continue;
        atl::spi::repair_step step{atl::spi::repair_action::rebuild, report.chunk, i, {}, {}};
        for (auto& source : good) {
          step.sources.push_back(source.node);
          step.source_fragments.push_back(source.index);
        }
        steps.push_back(std::move(step));
      }
    }
    return steps;
  }

 private:
  static std::vector<atl::spi::fragment_report> good_of(const atl::spi::chunk_report& report) {
    std::vector<atl::spi::fragment_report> good;
    for (auto& each : report.fragments)
      if (each.state == atl::spi::fragment_state::ok)
        good.push_back(each);
    return good;
  }

  std::uint32_t total_;
  std::uint32_t needed_;
};
