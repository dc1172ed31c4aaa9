#include <atoll/sim/linearizability.hpp>
#include <atoll/spi/random.hpp>

#include <doctest/doctest.h>

#include <algorithm>

using namespace atl::sim;

namespace {

operation read(std::int64_t from, std::int64_t to, register_value result, std::uint64_t key = 0) {
  operation it;
  it.key = key;
  it.kind = operation_kind::read;
  it.result = result;
  it.invoked = from;
  it.returned = to;
  return it;
}

operation write(std::int64_t from, std::int64_t to, std::int64_t value, std::uint64_t key = 0) {
  auto it = read(from, to, {}, key);
  it.kind = operation_kind::write;
  it.argument = value;
  return it;
}

operation cas(std::int64_t from, std::int64_t to, register_value expected, std::int64_t value,
              bool matched = true) {
  auto it = write(from, to, value);
  it.kind = operation_kind::cas;
  it.expected = expected;
  it.matched = matched;
  return it;
}

operation add(std::int64_t from, std::int64_t to, std::int64_t delta, std::int64_t sum) {
  auto it = read(from, to, sum);
  it.kind = operation_kind::add;
  it.argument = delta;
  return it;
}

operation unknown(operation it) {
  it.outcome = operation_outcome::unknown;
  it.result = {};
  return it;
}

operation failed(operation it) {
  it.outcome = operation_outcome::failed;
  return it;
}

verdict judge(const history& it) {
  return check_linearizable(it).what;
}

/// Tries every order of every choice of unanswered operations: slow, but evidently correct.
bool any_order(const history& all, std::uint32_t placed, register_value state) {
  auto done = true;
  for (std::size_t i = 0; i < all.size(); ++i)
    done = done && ((placed >> i & 1) != 0 || all[i].outcome != operation_outcome::ok);
  if (done)
    return true;
  for (std::size_t i = 0; i < all.size(); ++i) {
    auto& it = all[i];
    auto answered = it.outcome == operation_outcome::ok;
    if ((placed >> i & 1) != 0 || it.outcome == operation_outcome::failed)
      continue;
    auto first = true; // every operation that ended before this one began is placed
    for (std::size_t k = 0; k < all.size(); ++k)
      first = first && ((placed >> k & 1) != 0 || all[k].outcome != operation_outcome::ok ||
                        all[k].returned >= it.invoked);
    auto next = state;
    auto fits = true;
    if (it.kind == operation_kind::read) {
      fits = answered && it.result == state;
    } else if (it.kind == operation_kind::write) {
      next = it.argument;
    } else if (it.kind == operation_kind::cas) {
      auto matches = state == it.expected;
      fits = !answered || matches == it.matched;
      next = matches ? it.argument : state;
    } else {
      next = state.value_or(0) + *it.argument;
      fits = !answered || it.result == next;
    }
    if (first && fits && any_order(all, placed | 1U << i, next))
      return true;
  }
  return false;
}

constexpr auto good = verdict::linearizable;
constexpr auto bad = verdict::not_linearizable;

} // namespace

TEST_CASE("a register is empty at first, and holds the last written value") {
  CHECK(judge({}) == good);
  CHECK(judge({read(0, 1, {})}) == good);
  CHECK(judge({read(0, 1, 7)}) == bad);
  CHECK(judge({write(0, 1, 7), read(2, 3, 7)}) == good);
  CHECK(judge({write(0, 1, 7), write(2, 3, 8), read(4, 5, 7)}) == bad);
  CHECK(judge({write(0, 1, 7), read(2, 3, {})}) == bad);
}

TEST_CASE("a read during a write sees the old or the new value, and never goes back") {
  CHECK(judge({write(0, 1, 1), write(2, 10, 2), read(3, 4, 1), read(5, 6, 2)}) == good);
  CHECK(judge({write(0, 1, 1), write(2, 10, 2), read(3, 4, 2), read(5, 6, 1)}) == bad);
  CHECK(judge({write(0, 1, 1), write(2, 10, 2), read(3, 6, 2), read(4, 7, 1)}) == good);
}

TEST_CASE("operations that touch in one instant may be in either order") {
  CHECK(judge({write(0, 5, 1), read(5, 6, {})}) == good);
  CHECK(judge({write(0, 5, 1), read(6, 7, {})}) == bad);
}

TEST_CASE("an unanswered write may take effect at once, much later, or never") {
  CHECK(judge({unknown(write(0, 0, 1)), read(10, 11, 1)}) == good);
  CHECK(judge({unknown(write(0, 0, 1)), read(10, 11, {})}) == good);
  CHECK(judge({unknown(write(0, 0, 1)), read(10, 11, {}), read(90, 91, 1)}) == good);
  CHECK(judge({unknown(write(0, 0, 1)), read(10, 11, 1), read(90, 91, {})}) == bad);
  CHECK(judge({read(0, 1, 1), unknown(write(2, 2, 1))}) == bad);
  CHECK(judge({unknown(write(0, 0, 1)), write(5, 6, 2), read(7, 8, 2), read(9, 10, 1),
               read(11, 12, 2)}) == bad);
}

TEST_CASE("an operation that failed never takes effect") {
  CHECK(judge({failed(write(0, 1, 1)), read(2, 3, {})}) == good);
  CHECK(judge({failed(write(0, 1, 1)), read(2, 3, 1)}) == bad);
}

TEST_CASE("a compare-and-set that matched saw the expected value, and one that didn't, another") {
  CHECK(judge({write(0, 1, 1), cas(2, 3, 1, 2), read(4, 5, 2)}) == good);
  CHECK(judge({write(0, 1, 1), cas(2, 3, 9, 2)}) == bad);
  CHECK(judge({write(0, 1, 1), cas(2, 3, 9, 2, false), read(4, 5, 1)}) == good);
  CHECK(judge({write(0, 1, 1), cas(2, 3, 1, 2, false)}) == bad);
  CHECK(judge({write(0, 1, 1), cas(2, 9, 1, 2), cas(3, 8, 1, 3)}) == bad);
  CHECK(judge({write(0, 1, 1), cas(2, 9, 1, 2), cas(3, 8, 2, 3), read(10, 11, 3)}) == good);
  CHECK(judge({cas(0, 1, {}, 5), read(2, 3, 5)}) == good);
}

TEST_CASE("an unanswered write that nobody read may still be why a compare-and-set failed") {
  CHECK(judge({write(0, 1, 1), unknown(write(2, 2, 4)), cas(3, 4, 1, 2, false), write(5, 6, 3),
               read(7, 8, 3)}) == good);
}

TEST_CASE("a counter must return the exact sum") {
  CHECK(judge({add(0, 1, 1, 1), add(2, 3, 1, 2), read(4, 5, 2)}) == good);
  CHECK(judge({add(0, 9, 1, 2), add(1, 8, 1, 1), read(10, 11, 2)}) == good);
  CHECK(judge({add(0, 9, 1, 1), add(1, 8, 1, 1)}) == bad);
  CHECK(judge({unknown(add(0, 0, 1, 0)), add(2, 3, 1, 3)}) ==
        bad); // the increment would have been applied twice
  CHECK(judge({unknown(add(0, 0, 1, 0)), add(2, 3, 1, 2)}) == good);
}

TEST_CASE("keys are checked independently, and the report names the key that failed") {
  history it{write(0, 1, 1, 4), read(2, 3, 1, 4), write(0, 1, 5, 9), read(2, 3, 6, 9)};
  auto report = check_linearizable(it);
  CHECK(report.what == bad);
  CHECK(report.key == 9);
  CHECK(report.reason.find("read key 9 = 6") != std::string::npos);
}

TEST_CASE("a search that exceeds its bound is reported as undecided") {
  history it;
  for (int i = 0; i < 40; ++i)
    it.push_back(unknown(add(0, 0, std::int64_t{1} << i, 0)));
  it.push_back(read(1, 2, (std::int64_t{1} << 41) + 1));
  auto report = check_linearizable(it, {.steps_per_key = 10'000});
  CHECK(report.what == verdict::gave_up);
  CHECK(!report.reason.empty());
}

TEST_CASE("the verdict on any small history equals that of an exhaustive search") {
  std::uint64_t linearizable = 0;
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    atl::spi::random_source random{seed};
    history it;
    auto counter = random.chance(0.2);
    auto value = [&]() -> register_value {
      if (random.chance(0.15))
        return {};
      return random.between(1, 3);
    };
    for (auto left = random.between(1, 7); left > 0; --left) {
      auto from = random.between(0, 12);
      auto op = read(from, from + random.between(0, 6), value());
      if (counter && random.chance(0.6))
        op = add(op.invoked, op.returned, random.between(1, 2), random.between(1, 4));
      else if (random.chance(0.4))
        op = write(op.invoked, op.returned, random.between(1, 3));
      else if (random.chance(0.4))
        op = cas(op.invoked, op.returned, value(), random.between(1, 3), random.chance(0.6));
      if (random.chance(0.2))
        op.outcome = random.chance(0.8) ? operation_outcome::unknown : operation_outcome::failed;
      if (op.outcome == operation_outcome::unknown)
        op.matched = true;
      it.push_back(op);
    }
    auto expected = any_order(it, 0, {});
    linearizable += expected ? 1 : 0;
    CAPTURE(seed);
    CHECK((judge(it) == good) == expected);
  }
  CHECK(linearizable > 2'000);
  CHECK(linearizable < 18'000);
}

TEST_CASE("histories of a correct register pass, and the same histories with one changed "
          "response fail") {
  // Operations overlap. Each takes effect on one register at a time that is drawn.
  for (std::uint64_t seed = 1; seed <= 200; ++seed) {
    atl::spi::random_source random{seed};
    history it;
    struct effect {
      std::int64_t at;
      std::size_t index;
    };
    std::vector<effect> effects;
    for (std::uint64_t client = 0; client < 4; ++client) {
      std::int64_t now = random.between(0, 20);
      for (int i = 0; i < 25; ++i) {
        auto from = now;
        auto to = from + random.between(1, 40);
        auto at = random.between(from, to);
        now = to + random.between(1, 10);
        operation op = random.chance(0.5) ? read(from, to, {}) : write(from, to, 0);
        op.client = client;
        if (op.kind == operation_kind::write)
          op.argument = static_cast<std::int64_t>(client * 1000 + static_cast<std::uint64_t>(i));
        effects.push_back({at, it.size()});
        it.push_back(op);
      }
    }
    std::stable_sort(effects.begin(), effects.end(), [](auto& a, auto& b) { return a.at < b.at; });
    register_value state;
    std::size_t last_read = it.size();
    for (auto& effect : effects) {
      auto& op = it[effect.index];
      if (op.kind == operation_kind::write)
        state = op.argument;
      else
        op.result = state, last_read = effect.index;
    }
    CAPTURE(seed);
    CHECK(judge(it) == good);
    if (last_read < it.size()) {
      it[last_read].result = 999'999;
      CHECK(judge(it) == bad);
    }
  }
}
