#include "expect.hpp"

#include <atoll/spi/recovery.hpp>

#include <memory>

using namespace atl::spi;

extern "C" const descriptor ATOLL_PLUGIN_SYMBOL(recovery, @NAME@, 0, 1, 0);

namespace {

const options two_parts{{{"parts", std::int64_t{2}}}};

std::unique_ptr<recovery> make_scheme() {
  return std::unique_ptr<recovery>{
      ATOLL_PLUGIN_SYMBOL(recovery, @NAME@, 0, 1, 0).create.recovery({two_parts})};
}

/// A chunk whose three fragments are on the nodes 1, 2 and 3.
chunk_report report_of(std::uint64_t chunk, fragment_state second) {
  return {chunk, {{0, 1, fragment_state::ok}, {1, 2, second}, {2, 3, fragment_state::ok}}};
}

void any_lost_fragment_is_replaced_by_the_others() {
  auto scheme = make_scheme();
  std::string scratch, other_scratch;
  auto fragments = scheme->encode("a chunk", scratch);
  for (std::size_t lost = 0; lost < fragments.size(); ++lost) {
    std::vector<std::optional<std::string_view>> left(fragments.begin(), fragments.end());
    left[lost].reset();
    expect(scheme->decode(7, left, other_scratch) == "a chunk",
           "a chunk without one fragment is read");
    left[(lost + 1) % left.size()].reset();
    expect(!scheme->decode(7, left, other_scratch), "a chunk without two fragments is not made up");
  }
}

void a_chunk_is_judged_by_how_many_losses_it_survives() {
  auto scheme = make_scheme();
  expect(scheme->judge(report_of(1, fragment_state::ok)).health == chunk_health::healthy,
         "a chunk with all fragments in order is healthy");
  expect(scheme->judge(report_of(1, fragment_state::missing)).health == chunk_health::critical,
         "a chunk that the next loss destroys is critical");
}

void a_lost_fragment_is_rebuilt_from_the_others() {
  auto scheme = make_scheme();
  const chunk_report reports[] = {report_of(1, fragment_state::ok),
                                  report_of(2, fragment_state::corrupt)};
  auto steps = scheme->plan(reports);
  expect(steps.size() == 1 && steps[0].action == repair_action::rebuild && steps[0].chunk == 2 &&
             steps[0].fragment == 1 &&
             steps[0].source_fragments == std::vector<std::uint32_t>{0, 2},
         "the damaged fragment alone is rebuilt, from the two others");
}

} // namespace

int main() {
  any_lost_fragment_is_replaced_by_the_others();
  a_chunk_is_judged_by_how_many_losses_it_survives();
  a_lost_fragment_is_rebuilt_from_the_others();
  return failures;
}
