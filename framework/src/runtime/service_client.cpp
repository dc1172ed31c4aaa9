#include <atoll/core/state/session_pool.hpp>
#include <atoll/runtime/calls.hpp>
#include <atoll/runtime/envelope.hpp>
#include <atoll/runtime/service_client.hpp>

#include <algorithm>
#include <future>
#include <memory>
#include <mutex>
#include <utility>

namespace atl::runtime {

/// Outlives the client for as long as a call is under way: a group's client completes its calls
/// after its destructor.
struct service_client::shared : std::enable_shared_from_this<shared> {
  explicit shared(spi::read_level reads) : level{reads} {}

  const spi::read_level level;
  session_pool sessions;
  std::mutex mutex;
  std::shared_ptr<group_client> group; ///< null: the client is being destroyed
  std::optional<spi::log_index> oldest_applied;

  void call(message_kind kind, std::string body, completion done) {
    std::shared_ptr<group_client> callee;
    {
      std::lock_guard lock{mutex};
      callee = group;
    }
    if (callee) // without the lock: the call may be completed at once
      return callee->call(kind, std::move(body), std::move(done));
    done(fail(errc::unavailable, "the client was closed"));
  }

  void run(session_pool::call what, completion done) {
    auto bytes = what.bytes();
    call(message_kind::command, std::move(bytes),
         [self = shared_from_this(), what = std::move(what),
          done = std::move(done)](auto answer) mutable {
           if (self->sessions.finish(what, answer) == session_pool::verdict::repeat)
             self->run(std::move(what), std::move(done));
           else
             done(std::move(answer));
         });
  }

  void query_locally(std::string query, completion done) {
    call(message_kind::local_query, std::move(query),
         [self = shared_from_this(), done = std::move(done)](auto answer) {
           done(answer ? self->unwrap(*answer) : std::move(answer));
         });
  }

  /// Takes the service's answer out of that to a local query.
  result<std::string> unwrap(const std::string& answer) {
    auto local = decode_local_response(answer);
    if (!local)
      return fail(errc::corrupt, "a replica's answer to a local query is malformed");
    std::lock_guard lock{mutex};
    oldest_applied = std::min(oldest_applied.value_or(local->applied), local->applied);
    return std::move(local->response);
  }
};

namespace {

template <class Begin>
result<std::string> wait_for(Begin begin) {
  std::promise<result<std::string>> answer;
  begin([&](auto it) { answer.set_value(std::move(it)); });
  return answer.get_future().get();
}

} // namespace

service_client::service_client(system& actors, group_client::settings given, spi::read_level reads)
    : shared_{std::make_shared<shared>(reads)} {
  shared_->group = std::make_shared<group_client>(actors, std::move(given));
}

service_client::~service_client() {
  std::shared_ptr<group_client> ended;
  std::lock_guard lock{shared_->mutex};
  std::swap(ended, shared_->group);
}

void service_client::run(std::uint8_t type, std::string body, completion done) {
  shared_->run(shared_->sessions.begin(type, std::move(body)), std::move(done));
}

result<std::string> service_client::run(std::uint8_t type, std::string body) {
  return wait_for([&](auto done) { run(type, std::move(body), done); });
}

void service_client::query(std::string query, completion done) {
  if (shared_->level == spi::read_level::linearizable)
    shared_->call(message_kind::query, std::move(query), std::move(done));
  else
    shared_->query_locally(std::move(query), std::move(done));
}

result<std::string> service_client::query(std::string query) {
  return wait_for([&](auto done) { this->query(std::move(query), done); });
}

std::optional<spi::log_index> service_client::oldest_applied() const {
  std::lock_guard lock{shared_->mutex};
  return shared_->oldest_applied;
}

group_client& service_client::group() {
  return *shared_->group;
}

} // namespace atl::runtime
