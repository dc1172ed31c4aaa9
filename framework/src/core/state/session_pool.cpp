#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/session_pool.hpp>

#include <utility>

namespace atl {

std::string session_pool::call::bytes() const {
  return encode(session_command{session_, sequence_, 0, {type_, body_}});
}

session_pool::call session_pool::begin(std::uint8_t type, std::string body) {
  call next;
  next.type_ = type;
  next.body_ = std::move(body);
  std::lock_guard lock{mutex_};
  session used{{}, 0};
  if (idle_.empty()) {
    used.id = draw_();
  } else {
    used = idle_.back();
    idle_.pop_back();
  }
  next.session_ = used.id;
  next.sequence_ = used.sequence + 1;
  return next;
}

session_pool::verdict session_pool::finish(call& of, const result<std::string>& answer) {
  if (!answer)
    return verdict::done;
  std::lock_guard lock{mutex_};
  // The first command of a session opens it, so a new session isn't replaced again.
  if (of.sequence_ > 1 && is_session_expired(std::string_view{*answer})) {
    of.session_ = draw_();
    of.sequence_ = 1;
    return verdict::repeat;
  }
  idle_.push_back({of.session_, of.sequence_});
  return verdict::done;
}

} // namespace atl
