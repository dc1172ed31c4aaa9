#include "../common/spread_balancer.hpp"
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
class rendezvous final : public atl::balancers::spread_balancer<rendezvous> {
 public:
  explicit rendezvous(const balancer_setup& setup)
      : table_{checked_size(setup.options.integer("table_size"))} {}

  void update_members(std::span<const member> members) { table_.update(members); }

  template <class Predicate>
  slot pick_among(const pick_request& request, const member_facts&, Predicate&& may) const {
    return table_.first_for(request.key, may);
  }

 private:
  atl::balancers::score_table table_;
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
