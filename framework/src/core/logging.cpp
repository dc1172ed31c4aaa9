#include <atoll/core/logging.hpp>

#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <memory>

namespace atl::log {

namespace {

std::string node_name = "-";

spdlog::level::level_enum to_spdlog(level at) {
  switch (at) {
  case level::debug:
    return spdlog::level::debug;
  case level::info:
    return spdlog::level::info;
  case level::warning:
    return spdlog::level::warn;
  case level::error:
    break;
  }
  return spdlog::level::err;
}

spdlog::logger& sink() {
  static const auto logger = [] {
    auto made = std::make_shared<spdlog::logger>("atoll",
                                                 std::make_shared<spdlog::sinks::stderr_sink_mt>());
    auto formatter = std::make_unique<spdlog::pattern_formatter>(
        "%Y-%m-%dT%H:%M:%S.%eZ level=%l %v", spdlog::pattern_time_type::utc);
    made->set_formatter(std::move(formatter));
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *logger;
}

/// Escapes text from peers and files, so that a log entry stays one line and its quotes match.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (char c : text) {
    if (c == '"' || c == '\\')
      out += '\\';
    if (c == '\n')
      out += "\\n";
    else if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
      out += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      out += c;
  }
  out += '"';
  return out;
}

} // namespace

void start(std::string node, level least) {
  node_name = std::move(node);
  sink().set_level(to_spdlog(least));
}

bool enabled(level at) {
  return sink().should_log(to_spdlog(at));
}

void write(level at, std::string_view role, std::string_view peer, std::string_view message) {
  if (!enabled(at))
    return;
  auto line = fmt::format("node={} role={}", node_name, role);
  if (!peer.empty())
    line += fmt::format(" peer={}", peer);
  line += " msg=" + quoted(message);
  sink().log(to_spdlog(at), line);
}

} // namespace atl::log
