#include "service_replica.hpp"

#include <atoll/core/state/session_command.hpp>
#include <atoll/verify/service_check.hpp>

#include <fmt/format.h>

#include <exception>
#include <stdexcept>
#include <utility>

namespace atl::verify {

namespace {

constexpr std::uint64_t second_us = 1'000'000;
constexpr std::uint64_t begin_us = 1'700'000'000 * second_us;
constexpr std::uint64_t year_2100_us = 4'102'444'800 * second_us;
constexpr std::uint64_t long_pause_us = 36 * 3600 * second_us; ///< sessions may expire in it

/// A client of the service, with one command under way at a time.
struct service_user {
  session_id session;
  std::uint64_t sequence = 0;
  std::uint8_t type = 0;
  std::string body;
  std::size_t first_entry = 0; ///< of its last command, from 1
  std::uint64_t first_sent_us = 0;
};

class service_run {
 public:
  service_run(const service_under_test& service, const std::filesystem::path& folder,
              std::uint64_t seed)
      : service_{service}, random_{seed},
        users_(service.clients), expiry_us_{static_cast<std::uint64_t>(
                                     service.logic()->info().session_expiry.count())} {
    for (std::uint32_t i = 0; i < service.replicas; ++i)
      replicas_.push_back(std::make_unique<service_replica>(
          fmt::format("replica {}", i + 1), folder / std::to_string(i + 1), service));
    for (auto& user : users_)
      open_session(user);
  }

  void run() {
    for (std::uint32_t step = 0; step < service_.steps; ++step) {
      if (random_.chance(0.5))
        add_entry();
      else
        disturb(*replicas_[random_.below(replicas_.size())]);
    }
    for (auto& replica : replicas_) {
      replica->apply(history_, history_.entries.size());
      replica->check_invariant();
      if (replica->digest() != replicas_.front()->digest())
        throw std::runtime_error(fmt::format("{} has other rows than {} after the same entries",
                                             replica->name(), replicas_.front()->name()));
    }
    check_repeats();
  }

 private:
  /// An entry, and the one whose answer it must get as well.
  struct repeated {
    std::size_t first = 0;
    std::size_t again = 0;
  };

  void open_session(service_user& user) {
    user.session = {random_.next(), random_.next()};
    user.sequence = 0;
  }

  void add_entry() {
    now_us_ += random_.chance(0.02) ? long_pause_us : random_.below(10 * second_us);
    if (random_.chance(0.05))
      return append({});
    if (random_.chance(0.03))
      return append(std::string(1 + random_.below(60), static_cast<char>(random_.next())));
    auto& user = users_[random_.below(users_.size())];
    if (user.sequence > 0 && random_.chance(0.3))
      return repeat(user);
    if (random_.chance(0.05))
      open_session(user);
    auto next = service_.command(random_);
    ++user.sequence;
    user.type = next.type;
    user.body = std::move(next.body);
    append(bytes_of(user, user.sequence, now_us_));
    user.first_entry = history_.entries.size();
    user.first_sent_us = now_us_;
  }

  void repeat(service_user& user) {
    auto stamp_us = random_.chance(0.1) ? year_2100_us : now_us_;
    if (user.sequence > 1 && random_.chance(0.2))
      return append(bytes_of(user, user.sequence - 1, stamp_us)); // stale
    append(bytes_of(user, user.sequence, stamp_us));
    auto may_be_over = expiry_us_ > 0 && now_us_ - user.first_sent_us > expiry_us_;
    if (service_.sessions_last && !may_be_over)
      repeats_.push_back({user.first_entry, history_.entries.size()});
  }

  static std::string bytes_of(const service_user& user, std::uint64_t sequence,
                              std::uint64_t stamp_us) {
    return encode(session_command{user.session, sequence, stamp_us, {user.type, user.body}});
  }

  void append(std::string bytes) {
    history_.entries.push_back(std::move(bytes));
    history_.answers.emplace_back();
  }

  void disturb(service_replica& replica) {
    switch (random_.below(16)) {
    case 0:
      return replica.restart();
    case 1:
      return replica.crash();
    case 2:
      return replica.install(*replicas_[random_.below(replicas_.size())]);
    case 3:
      return replica.check_invariant();
    case 4:
    case 5:
      return replica.flush();
    default:
      return replica.apply(history_, 1 + random_.below(40));
    }
  }

  void check_repeats() const {
    for (auto& it : repeats_)
      if (history_.answers[it.first - 1] != history_.answers[it.again - 1])
        throw std::runtime_error(
            fmt::format("entry {} repeats the command of entry {} and is answered otherwise",
                        it.again, it.first));
  }

  const service_under_test& service_;
  spi::random_source random_;
  std::vector<std::unique_ptr<service_replica>> replicas_;
  std::vector<service_user> users_;
  const std::uint64_t expiry_us_; ///< 0: sessions don't expire by themselves
  std::vector<repeated> repeats_;
  service_history history_;
  std::uint64_t now_us_ = begin_us;
};

} // namespace

std::optional<service_finding> check_service(const service_under_test& service,
                                             const std::filesystem::path& folder) {
  for (auto seed = service.first_seed; seed - service.first_seed < service.seeds; ++seed) {
    auto own = folder / fmt::format("seed-{}", seed);
    std::filesystem::remove_all(own); // of an earlier finding
    try {
      service_run{service, own, seed}.run();
    } catch (const std::exception& problem) {
      return service_finding{seed, problem.what()};
    }
    std::filesystem::remove_all(own);
  }
  return std::nullopt;
}

} // namespace atl::verify
