#pragma once

#include <atoll/spi/options.hpp>
#include <atoll/spi/random.hpp>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <thread>

/// What the plugins `faulty` of all kinds share.
namespace atl::faulty {

/// The options that name the wrapped plugin. @param name the plugin's, by default
constexpr spi::option_spec plugin_option(const char* name) {
  return {"plugin", spi::option_type::text, name, "", "", "The plugin that is wrapped"};
}
inline constexpr spi::option_spec options_option{
    "options", spi::option_type::text,
    "",        "",
    "",        "The options of that plugin, as 'key=value' with commas between them"};

constexpr spi::option_spec share_option(const char* name, const char* meaning) {
  return {name, spi::option_type::real, "0.0", "0.0", "1.0", meaning, spi::option_scope::member};
}
inline constexpr spi::option_spec seed_option{"seed",
                                              spi::option_type::integer,
                                              "1",
                                              "0",
                                              "",
                                              "Which calls fail: the same seed, the same",
                                              spi::option_scope::member};
inline constexpr spi::option_spec delay_time_option{
    "delay_time",        spi::option_type::duration, "20ms", "1ms", "10m",
    "The longest delay", spi::option_scope::member};

/// Draws which calls fail. Thread-safe.
class fault_draw {
 public:
  fault_draw(const spi::options& chosen, std::uint64_t salt)
      : fail_{chosen.real("fail")}, delay_{chosen.real("delay")}, garble_{chosen.real("garble")},
        delay_time_{chosen.integer("delay_time")}, random_{static_cast<std::uint64_t>(
                                                               chosen.integer("seed")) ^
                                                           salt} {}

  bool fails() { return chance(fail_); }
  bool garbles() { return chance(garble_); }
  bool delays() { return chance(delay_); }
  bool chance(double share) {
    std::lock_guard lock{mutex_};
    return share > 0 && random_.chance(share);
  }
  std::size_t below(std::size_t bound) {
    std::lock_guard lock{mutex_};
    return static_cast<std::size_t>(random_.below(bound));
  }
  /// From nothing to the longest delay.
  std::chrono::microseconds some_time() {
    return std::chrono::microseconds{below(static_cast<std::size_t>(delay_time_.count()) + 1)};
  }
  /// Lets the caller wait in a share of the calls.
  void maybe_wait() {
    if (delays())
      std::this_thread::sleep_for(some_time());
  }

 private:
  const double fail_;
  const double delay_;
  const double garble_;
  const std::chrono::microseconds delay_time_;
  std::mutex mutex_;
  spi::random_source random_;
};

} // namespace atl::faulty
