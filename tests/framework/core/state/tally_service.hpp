#pragma once

#include "temporary_folder.hpp"

#include <atoll/core/state/answer.hpp>
#include <atoll/core/state/replicated_state.hpp>
#include <atoll/spi/codec.hpp>

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <charconv>
#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// A small service for the tests of replicated states: named counts, and their sum.
namespace tally {

using namespace atl;

enum command : std::uint8_t {
  add,            ///< 1 to the count that the body names; answers with the count
  clear,          ///< removes a count; not found: an error
  answer_at_size, ///< the body: a number of bytes
  use_row,        ///< puts a row under the key in the body, whatever it is
  throw_up,       ///< throws
  end_sessions,   ///< ends sessions that were idle for as many microseconds as the body says
};

inline std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

class logic final : public service_logic {
 public:
  explicit logic(service_info what = described()) : info_{std::move(what)} {}

  static service_info described() {
    service_info info;
    info.name = "tally";
    info.title = "tally";
    info.lookup_only = std::string{"s"};
    info.session_expiry = std::chrono::hours{1};
    return info;
  }
  service_info info() const override { return info_; }

  status initialize(transaction& state) override {
    state.put("sum", "0");
    return {};
  }
  void load(row_reader& state) override {
    std::string text;
    if (!state.get("sum", text))
      state.fail_damaged("the sum");
    sum_ = number(text);
  }

  std::string apply(transaction& state, const service_command& what) override {
    auto key = fmt::format("c{}", what.body);
    std::string old;
    auto known = state.get(key, old);
    switch (what.type) {
    case add:
      ++sum_;
      old = std::to_string(number(old) + 1);
      state.put(key, old);
      return encode_answer(std::string_view{old});
    case clear:
      if (!known)
        return encode_answer(error{errc::not_found, "there is no such count"});
      sum_ -= number(old);
      state.erase(key);
      return encode_answer(std::string_view{"cleared"});
    case answer_at_size:
      ++sum_;
      return encode_answer(std::string(number(what.body), 'x'));
    case use_row:
      state.put(std::string{what.body}, "value");
      return encode_answer(std::string_view{"put"});
    case throw_up:
      throw std::runtime_error("out of luck");
    case end_sessions:
      return encode_answer(
          std::string_view{std::to_string(state.expire_sessions(number(what.body), 100))});
    default:
      return encode_answer(error{errc::invalid, "unknown command"});
    }
  }
  void finish_batch(transaction& state) override { state.put("sum", std::to_string(sum_)); }

  /// `sum`, `sessions`, `time`, `cluster`, `birth`, `damage`, `throw`, `scan PREFIX`; otherwise the
  /// count of that name.
  std::string query(state_view& state, std::string_view query) const override {
    std::string text;
    if (query == "sum")
      state.get("sum", text);
    else if (query == "sessions")
      text = std::to_string(state.summary().sessions);
    else if (query == "time")
      text = std::to_string(state.summary().time_us);
    else if (query == "cluster")
      text = state.summary().cluster_id;
    else if (query == "birth")
      text = state.birth();
    else if (query == "throw")
      throw std::runtime_error("out of luck");
    else if (query == "damage")
      state.fail_damaged("a count");
    else if (query.starts_with("scan "))
      state.scan(query.substr(5), query.substr(5), [&](auto key, auto value) {
        text += std::string{key} + "=" + std::string{value} + " ";
        return true;
      });
    else
      state.get(fmt::format("c{}", query), text);
    return encode_answer(std::string_view{text});
  }

  std::optional<error> admission_check(const service_command& what) const override {
    return what.type > end_sessions ? std::optional{error{errc::invalid, "unknown command"}}
                                    : std::nullopt;
  }
  bool takes_space(const service_command& what) const override { return what.type != clear; }

 private:
  service_info info_;
  std::uint64_t sum_ = 0;
};

inline constexpr std::uint64_t second_us = 1'000'000;
inline constexpr std::uint64_t noon_us = 1'700'000'000 * second_us;

inline result<std::unique_ptr<replicated_state>> try_open(const std::filesystem::path& folder,
                                                          service_info what = logic::described(),
                                                          replicated_state::settings how = {}) {
  if (how.cluster_id.empty())
    how.cluster_id = "reef";
  return replicated_state::open(folder, how, std::make_unique<logic>(std::move(what)));
}

inline std::unique_ptr<replicated_state> open(const std::filesystem::path& folder) {
  replicated_state::settings how;
  how.free_bytes_min = 0;
  auto opened = try_open(folder, logic::described(), how);
  REQUIRE_MESSAGE(opened.has_value(), opened.error().message);
  return std::move(*opened);
}

inline std::string entry_of(std::uint64_t session, std::uint64_t sequence, std::uint8_t type,
                            std::string_view body, std::uint64_t time_us = noon_us) {
  return encode(session_command{{0, session}, sequence, time_us, {type, body}});
}

inline std::string apply_bytes(replicated_state& state, const std::string& bytes) {
  spi::committed_entry entry{state.applied() + 1, 0, bytes.empty(), bytes};
  auto answers = state.apply({&entry, 1});
  REQUIRE_MESSAGE(answers.has_value(), answers.error().message);
  return answers->front();
}

inline result<std::string> run(replicated_state& state, std::uint64_t session,
                               std::uint64_t sequence, std::uint8_t type, std::string_view body,
                               std::uint64_t time_us = noon_us) {
  return decode_answer(apply_bytes(state, entry_of(session, sequence, type, body, time_us)));
}

inline std::string ask(const replicated_state& state, std::string_view query) {
  auto answer = state.query(query);
  REQUIRE_MESSAGE(answer.has_value(), answer.error().message);
  return decode_answer(*answer).value();
}

} // namespace tally
