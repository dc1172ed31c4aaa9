#include "broken_schemes.hpp"
#include "parity.hpp"

#include <algorithm>
#include <memory>

extern "C" const atl::spi::descriptor ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0);

namespace broken_schemes {

namespace {

using namespace atl::spi;

/// Searches all chunks for each chunk.
struct compares_all : parity {
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    auto steps = parity::plan(reports);
    std::erase_if(steps, [&](auto& step) {
      return std::count_if(reports.begin(), reports.end(),
                           [&](auto& report) { return report.chunk == step.chunk; }) == 0;
    });
    return steps;
  }
};

/// Uses a chunk's number as its index in the list.
struct uses_chunk_number_as_index : parity {
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    auto steps = parity::plan(reports);
    std::erase_if(steps, [&](auto& step) { return step.chunk >= reports.size(); });
    return steps;
  }
};

/// The chunks of a plan are counted in 16 bits.
struct counts_in_16_bits : parity {
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    return parity::plan(reports.first(static_cast<std::uint16_t>(reports.size())));
  }
};

struct keeps_surplus : parity {
  bool is_healthy(const chunk_report& report) const override {
    auto copies = good_copies(report);
    return std::none_of(copies.begin(), copies.end(), [](auto count) { return count == 0; });
  }
  std::vector<ranked_step> mend(const chunk_report& report) const override {
    auto steps = parity::mend(report);
    if (is_healthy(report))
      steps.clear();
    return steps;
  }
};

/// Every missing fragment is made twice.
struct makes_two : parity {
  std::vector<ranked_step> mend(const chunk_report& report) const override {
    auto steps = parity::mend(report);
    std::vector<ranked_step> twice;
    for (auto& each : steps) {
      twice.push_back(each);
      if (each.step.action == repair_action::rebuild)
        twice.push_back({each.danger + 1, each.step});
    }
    return twice;
  }
};

struct drops_first : parity {
  std::vector<ranked_step> mend(const chunk_report& report) const override {
    auto steps = parity::mend(report);
    if (!steps.empty() && steps.front().step.action == repair_action::rebuild)
      for (auto& one : report.fragments)
        if (one.state == fragment_state::ok)
          return {{0, {repair_action::drop, report.chunk, one.index, {one.node}, {}}}};
    return steps;
  }
};

/// Reads from nodes that are down as well.
struct reads_from_down_nodes : parity {
  std::vector<ranked_step> mend(const chunk_report& report) const override {
    auto steps = parity::mend(report);
    for (auto& each : steps)
      if (each.step.action == repair_action::rebuild)
        for (auto& one : report.fragments)
          if (one.state == fragment_state::unreachable && one.index != each.step.fragment) {
            each.step.sources.push_back(one.node);
            each.step.source_fragments.push_back(one.index);
          }
    return steps;
  }
};

struct drops_on_down_nodes : parity {
  std::vector<ranked_step> mend(const chunk_report& report) const override {
    auto steps = parity::mend(report);
    for (auto& one : report.fragments)
      if (one.state == fragment_state::unreachable)
        steps.push_back({100, {repair_action::drop, report.chunk, one.index, {one.node}, {}}});
    return steps;
  }
};

/// Three copies, made and repaired by `replicate`; but the plan follows the list, not the danger.
struct repairs_in_list_order : recovery {
  fragment_layout layout() const override { return right_->layout(); }
  std::vector<std::string_view> encode(std::string_view chunk,
                                       std::string& scratch) const override {
    return right_->encode(chunk, scratch);
  }
  std::optional<std::string_view> decode(std::size_t size,
                                         std::span<const std::optional<std::string_view>> fragments,
                                         std::string& scratch) const override {
    return right_->decode(size, fragments, scratch);
  }
  std::size_t fragment_size(std::size_t size, std::uint32_t index) const override {
    return right_->fragment_size(size, index);
  }
  bool enough(const std::vector<bool>& present) const override { return right_->enough(present); }
  verdict judge(const chunk_report& report) const override { return right_->judge(report); }
  std::vector<repair_step> plan(std::span<const chunk_report> reports) const override {
    auto steps = right_->plan(reports);
    std::stable_sort(steps.begin(), steps.end(),
                     [](auto& a, auto& b) { return a.chunk < b.chunk; });
    return steps;
  }

 private:
  static std::unique_ptr<recovery> replicate() {
    options three{{{"copies", std::int64_t{3}}, {"min_copies", std::int64_t{0}}}};
    return std::unique_ptr<recovery>{
        ATOLL_PLUGIN_SYMBOL(recovery, replicate, 1, 0, 0).create.recovery({three})};
  }
  std::unique_ptr<recovery> right_ = replicate();
};

/// Repeated fragments count as different fragments.
struct counts_copies : parity {
  verdict judge(const chunk_report& report) const override {
    auto right = parity::judge(report);
    auto copies = good_copies(report);
    std::uint32_t all = 0;
    for (auto count : copies)
      all += count;
    if (right.health != chunk_health::lost)
      right.spare = all - pieces_;
    return right;
  }
};

} // namespace

std::vector<specimen> with_wrong_repair() {
  constexpr auto judges = "judges chunks as counting by hand does";
  constexpr auto danger = "mends the most endangered first";
  constexpr auto ends = "its plans end, with every chunk healthy that isn't lost";
  return {
      {"compares_all", "a plan compares each chunk with each", plugin_of<compares_all>(),
       "a plan for many chunks takes time in proportion", "for 40000 as for 2000"},
      {"uses_chunk_number_as_index", "a chunk's number is taken for its place in the list",
       plugin_of<uses_chunk_number_as_index>(), ends, "unhealthy"},
      {"counts_in_16_bits", "chunks are counted in 16 bits", plugin_of<counts_in_16_bits>(),
       "a plan for 100,000 chunks mends them all", "unhealthy"},
      {"keeps_surplus", "fragments too many and damaged ones stay", plugin_of<keeps_surplus>(),
       judges, "healthy, and a"},
      {"makes_two", "what is missing is made twice", plugin_of<makes_two>(), ends,
       "which is there already"},
      {"drops_first", "a good fragment goes before the missing one is made",
       plugin_of<drops_first>(), danger, "can't be decoded without it"},
      {"reads_from_down_nodes", "sources are down", plugin_of<reads_from_down_nodes>(), danger,
       "isn't in order"},
      {"drops_on_down_nodes", "what is on nodes that are down is dropped",
       plugin_of<drops_on_down_nodes>(), danger, "node that is down"},
      {"repairs_in_list_order", "the order of danger is ignored",
       unclaimed<repairs_in_list_order>(), danger, "after one that can lose"},
      {"counts_copies", "a fragment that is there twice counts as two", plugin_of<counts_copies>(),
       judges, "fragments, and it can lose"},
  };
}

} // namespace broken_schemes
