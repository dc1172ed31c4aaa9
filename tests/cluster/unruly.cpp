#include <atoll/spi/balancer.hpp>

#include <chrono>
#include <stdexcept>
#include <string>
#include <thread>

using namespace atl::spi;

/// Does at each pick what a balancer must not do.
struct unruly : balancer {
  explicit unruly(std::string what) : mistake{std::move(what)} {}

  void update(std::span<const member>) override {}
  slot pick(const pick_request&, const member_facts& facts) override {
    if (mistake == "throws")
      throw std::runtime_error{"out of sorts"};
    if (mistake == "hangs")
      for (;;)
        std::this_thread::sleep_for(std::chrono::hours{1});
    return static_cast<slot>(facts.available.size()) + 95;
  }

  std::string mistake;
};

constexpr option_spec options_known[] = {
    {"mistake", option_type::text, "throws", "", "throws|hangs|picks_nonsense", "what it does"}};

ATOLL_PLUGIN(balancer, unruly, 1, 0, 0){
    .summary = "Makes one mistake at every pick, for tests",
    .licence = "Apache-2.0",
    .options = options_known,
    .create = [](const balancer_setup& setup) -> balancer* {
      return new unruly{setup.options.text("mistake")};
    },
};
