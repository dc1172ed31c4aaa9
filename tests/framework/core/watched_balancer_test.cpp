#include "scripted_balancer.hpp"

#include <atoll/core/balanced_pool.hpp>
#include <atoll/core/watched_balancer.hpp>

#include <doctest/doctest.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

using namespace std::chrono_literals;
namespace spi = atl::spi;

namespace {

/// Holds a call until it is opened.
class gate {
 public:
  void wait() {
    std::unique_lock lock{mutex_};
    changed_.wait(lock, [this] { return open_; });
  }
  void open() {
    std::lock_guard lock{mutex_};
    open_ = true;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = false;
};

struct fixture {
  std::shared_ptr<test::scripted_balancer> inner = std::make_shared<test::scripted_balancer>();
  std::unique_ptr<atl::balanced_pool> pool;

  explicit fixture(std::chrono::milliseconds limit) {
    pool = std::make_unique<atl::balanced_pool>(
        std::make_shared<atl::watched_balancer>(inner, limit), "scripted");
    std::vector<atl::pool_member> members(3);
    for (std::size_t i = 0; i < members.size(); ++i)
      members[i].id = 10 + i;
    REQUIRE(pool->update(std::move(members), 0us).has_value());
  }
};

} // namespace

TEST_CASE("a watched balancer gets each call and answers it") {
  fixture it{60s};
  CHECK(it.inner->members.size() == 3);
  CHECK(*it.pool->pick(0, 1us) == std::optional<std::uint64_t>{10});
  it.pool->set_available(10, false, 2us);
  CHECK(*it.pool->pick_many(0, 3, 3us) == std::vector<std::uint64_t>{11, 12});
  it.pool->finish(11, {false, 1ms}, 4us);
  CHECK(it.inner->outcomes == std::vector<std::pair<spi::slot, bool>>{{1, false}});
  it.inner->probes = {2};
  CHECK(it.pool->wanted_probes(5us) == std::vector<std::uint64_t>{12});
  it.pool->on_probe(12, {4, 1ms}, 6us);
  CHECK(it.inner->probed == std::vector<std::pair<spi::slot, std::uint32_t>>{{2, 4}});
}

TEST_CASE("what a watched balancer throws, its caller gets") {
  fixture it{60s};
  it.inner->on_pick = [](auto&, auto&) -> spi::slot { throw std::runtime_error{"no luck"}; };
  auto picked = it.pool->pick(0, 0us);
  REQUIRE_FALSE(picked.has_value());
  CHECK(picked.error().message.find("threw: no luck") != std::string::npos);
  it.inner->on_pick = nullptr;
  CHECK(it.pool->pick(0, 0us).has_value());
}

TEST_CASE("a call that hangs is given up, and so is every later call") {
  auto held = std::make_shared<gate>();
  fixture it{50ms};
  it.inner->on_pick = [held](auto&, auto& facts) {
    held->wait();
    return facts.available.size() == 3 ? 0U : 1U; // the facts of the call must still be there
  };
  for (int call = 0; call < 2; ++call) {
    auto picked = it.pool->pick(0, 0us);
    REQUIRE_FALSE(picked.has_value());
    CHECK(picked.error().message.find("the balancer plugin 'scripted' hangs: a call took more than "
                                      "50 ms") == 0);
  }
  it.pool->finish(10, {true, 1ms}, 1us); // calls nothing that waits
  it.pool.reset();
  held->open();
}
