#include "../common/spread_picks.hpp"
#include "score_table.hpp"

#include <atoll/spi/balancer.hpp>

#include <bit>
#include <stdexcept>
#include <string>

namespace {

using namespace atl::spi;

std::size_t checked_size(std::int64_t size) {
  auto entries = static_cast<std::size_t>(size);
  if (std::has_single_bit(entries))
    return entries;
  throw std::invalid_argument("rendezvous: table_size is " + std::to_string(size) +
                              ", which isn't a power of two; the next one is " +
                              std::to_string(std::bit_ceil(entries)));
}

/// Weighted rendezvous hashing of the entries of a table; a key goes with its entry.
class rendezvous final : public balancer {
 public:
  explicit rendezvous(const balancer_setup& setup)
      : table_{checked_size(setup.options.integer("table_size"))} {}

  void update(std::span<const member> members) override {
    table_.update(members);
    spread_.update(members);
  }

  slot pick(const pick_request& request, const member_facts& facts) override {
    return spread_.pick(request, facts,
                        [&](auto&& may) { return table_.first_for(request.key, may); });
  }

  std::size_t pick_many(const pick_request& request, const member_facts& facts,
                        std::span<slot> picks) override {
    return spread_.pick_many(request, facts, picks,
                             [&](auto&& may) { return table_.first_for(request.key, may); });
  }

 private:
  atl::balancers::score_table table_;
  atl::balancers::spread_picks spread_;
};

constexpr claim claims[] = {{"spread", "domains"}, {"keys", "minimal"}};

constexpr option_spec declared[] = {
    {"table_size", option_type::integer, "65536", "1024", "262144",
     "Entries of the table, a power of two; about 1,000 for each member make shares even"},
};

} // namespace

ATOLL_PLUGIN(balancer, rendezvous, 1, 0, 0){
    .summary = "Rendezvous hashing by weight, looked up in a table",
    .licence = "Apache-2.0",
    .claims = claims,
    .options = declared,
    .create = [](const balancer_setup& setup) -> balancer* { return new rendezvous{setup}; },
};
