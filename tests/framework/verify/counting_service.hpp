#pragma once

#include <atoll/core/state/answer.hpp>
#include <atoll/verify/service_check.hpp>

#include <fmt/format.h>

#include <charconv>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

/// A service that counts by name, right or with a mistake of its author.
namespace counting_service {

using namespace atl;
using namespace atl::verify;

/// A mistake that an author could make.
enum class flaw {
  none,
  forgets,       ///< what it keeps in memory isn't read at a start
  counts_starts, ///< an answer depends on the process
  leaks,         ///< a row depends on the process
  miscounts,     ///< the sum isn't the sum
  throws,
  reads_clock,   ///< a row depends on this machine's clock
  ends_sessions, ///< sessions end at once, so that repeated commands take effect again
  fails_late,    ///< a command changes a row and is answered with an error
  inserts_again, ///< inserts a row that exists
  throws_at_birth,
  throws_at_admission,
};

inline std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

/// Counts by name, and their sum, which is kept in memory.
class counts final : public service_logic {
 public:
  explicit counts(flaw what, std::chrono::microseconds expiry = service_info{}.session_expiry)
      : flaw_{what}, expiry_{expiry} {}

  service_info info() const override {
    return {.name = "counts", .version = 1, .session_expiry = expiry_};
  }

  status initialize(transaction&) override {
    if (flaw_ == flaw::throws_at_birth)
      throw std::runtime_error("still born");
    return {};
  }

  void load(row_reader& rows) override {
    std::string text;
    if (flaw_ != flaw::forgets && rows.get("sum", text))
      sum_ = number(text);
  }

  std::string apply(transaction& rows, const service_command& command) override {
    std::string old;
    auto key = fmt::format("n{}", command.body);
    rows.get(key, old);
    if (flaw_ != flaw::miscounts || number(old) != 3)
      ++sum_;
    if (flaw_ == flaw::throws && number(old) == 3)
      throw std::runtime_error("out of luck");
    auto count = std::to_string(number(old) + 1);
    rows.put(key, count);
    ++applied_;
    if (flaw_ == flaw::reads_clock)
      rows.put("clock",
               std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
    if (flaw_ == flaw::ends_sessions)
      rows.expire_sessions(1, 100);
    if (flaw_ == flaw::leaks && applied_ == 40)
      rows.put("leak", "1");
    if (flaw_ == flaw::fails_late && number(old) == 3)
      return encode_answer(error{errc::refused, "too many"});
    if (flaw_ == flaw::inserts_again)
      rows.insert("last", count);
    if (flaw_ == flaw::counts_starts && applied_ % 40 == 0)
      count.push_back('!');
    return encode_answer(std::string_view{count});
  }
  void finish_batch(transaction& rows) override { rows.put("sum", std::to_string(sum_)); }

  std::string query(state_view& rows, std::string_view query) const override {
    std::string text;
    if (query == "sum") {
      rows.get("sum", text);
      return encode_answer(std::string_view{text});
    }
    if (query == "time")
      return encode_answer(std::string_view{std::to_string(rows.summary().time_us)});
    if (query == "group")
      return encode_answer(std::string_view{
          fmt::format("{} {} {}", rows.summary().cluster_id, rows.members().size(),
                      rows.birth().empty() ? "without a certificate" : "with a certificate")});
    if (query.starts_with("asked")) // a mistake: the answer depends on the process
      return encode_answer(std::string_view{std::to_string(++asked_)});
    if (query == "refused")
      return encode_answer(
          std::string_view{rows.get("nrefused", text) ? "counted" : "not counted"});
    std::uint64_t sum = 0;
    rows.scan("n", "n", [&](auto, auto value) {
      sum += number(value);
      return true;
    });
    return encode_answer(std::string_view{std::to_string(sum)});
  }

  std::optional<error> admission_check(const service_command& command) const override {
    if (flaw_ == flaw::throws_at_admission && command.body == "3")
      throw std::runtime_error("not admitted");
    if (command.body != "refused")
      return std::nullopt;
    return error{errc::invalid, "such a command is refused"};
  }

 private:
  flaw flaw_;
  std::chrono::microseconds expiry_;
  std::uint64_t sum_ = 0;
  std::uint64_t applied_ = 0;
  mutable std::uint64_t asked_ = 0;
};

inline service_under_test with(flaw what) {
  service_under_test service;
  service.logic = [what] { return std::make_unique<counts>(what); };
  service.command = [](spi::random_source& random) {
    return service_under_test::generated_command{1, std::to_string(random.below(5))};
  };
  service.invariant = [](const service_under_test::ask& ask) -> std::optional<std::string> {
    auto kept = number(decode_answer(ask("sum")).value());
    auto counted = number(decode_answer(ask("all")).value());
    if (kept == counted)
      return std::nullopt;
    return fmt::format("the sum is {} and not {}", kept, counted);
  };
  service.query = [](spi::random_source& random) { return random.chance(0.5) ? "sum" : "all"; };
  service.seeds = 5;
  return service;
}

} // namespace counting_service
