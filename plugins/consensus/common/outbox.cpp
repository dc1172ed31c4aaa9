#include "outbox.hpp"

#include <iterator>

namespace atl::leader_based {

void outbox::drain(std::vector<spi::effect>& out) {
  meta_changed_ = false;
  if (!ops_.empty()) {
    ++token_;
    if (std::exchange(promise_changed_, false))
      promise_token_ = token_;
    out.emplace_back(spi::persist{token_, std::exchange(ops_, {})});
  }
  out.insert(out.end(), std::make_move_iterator(effects_.begin()),
             std::make_move_iterator(effects_.end()));
  effects_.clear();
}

} // namespace atl::leader_based
