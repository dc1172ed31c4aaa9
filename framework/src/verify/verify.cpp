#include "recorder.hpp"

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>
#include <poll.h>
#include <unistd.h>

namespace atl::verify {

namespace {

using nlohmann::json;

/// Names that a verifier knows. Another one is a typing error as likely as not.
constexpr std::array known_claims{"shares",
                                  "spread",
                                  "safe_with_crashes",
                                  "live_with_crashes",
                                  "linearizable_reads",
                                  "changes_members",
                                  "trusts_clocks_with",
                                  "blocks_on_one_failure",
                                  "survives_losses",
                                  "storage_cost"};

void verify_descriptor(const spi::descriptor& it, const spi::options& options, recorder& out) {
  out.check("its claims are such as a verifier knows", "", [&] {
    for (std::size_t i = 0; i < it.claim_count; ++i)
      if (std::none_of(known_claims.begin(), known_claims.end(),
                       [&](auto* name) { return std::strcmp(name, it.claims[i].name) == 0; }))
        throw broken(fmt::format("nobody can check the claim '{}'", it.claims[i].name));
    return it.claim_count;
  });
  out.check("it can be made with these options", "", [&]() -> std::uint64_t {
    switch (it.kind) {
    case spi::plugin_kind::balancer:
      delete it.create_balancer({options, 1});
      return 1;
    case spi::plugin_kind::consensus:
      delete it.create_consensus({options, 1, {1}, 1, 1});
      delete it.create_consensus({options, 2, {1, 2, 3}, 1, 1});
      return 2;
    case spi::plugin_kind::recovery:
      delete it.create_recovery({options});
      return 1;
    }
    return 0;
  });
}

const char* kind_name(spi::plugin_kind kind) {
  return kind == spi::plugin_kind::balancer    ? "balancer"
         : kind == spi::plugin_kind::consensus ? "consensus"
                                               : "recovery";
}

void run_kit(const spi::descriptor& it, const spi::options& options, recorder& out) {
  verify_descriptor(it, options, out);
  if (!out.result().ok())
    return;
  switch (it.kind) {
  case spi::plugin_kind::balancer:
    return verify_balancer(it, options, out);
  case spi::plugin_kind::consensus:
    return verify_consensus(it, options, out);
  case spi::plugin_kind::recovery:
    return verify_recovery(it, options, out);
  }
}

report about(const spi::descriptor& it) {
  report out;
  out.plugin = it.name;
  out.version = it.version;
  out.kind = kind_name(it.kind);
  return out;
}

// -- a child's report comes as lines of JSON ----------------------------------------------------

void write_line(int to, const json& line) {
  auto text = line.dump(-1, ' ', false, json::error_handler_t::replace) + '\n';
  for (std::string_view left = text; !left.empty();) {
    auto wrote = ::write(to, left.data(), left.size());
    if (wrote <= 0)
      ::_exit(2); // nobody listens
    left.remove_prefix(static_cast<std::size_t>(wrote));
  }
}

[[noreturn]] void be_child(int to, const spi::descriptor& it, const spi::options& options,
                           const effort& how) {
  recorder out{how};
  out.result() = about(it);
  out.on_begin = [to](auto& property) { write_line(to, {{"begin", property}}); };
  out.on_finding = [to](auto& found) {
    write_line(to, {{"property", found.property},
                    {"claim", found.claim},
                    {"verdict", static_cast<int>(found.what)},
                    {"cases", found.cases},
                    {"detail", found.detail}});
  };
  try {
    run_kit(it, options, out);
  } catch (const std::exception& thrown) {
    out.on_finding({"the kit goes to its end", {}, verdict::broken, 0, thrown.what()});
  }
  write_line(to, {{"coverage", out.result().coverage},
                  {"events_per_second", out.result().events_per_second}});
  ::_exit(0);
}

/// What a child told, up to its end.
struct listener {
  report out;
  std::string property; ///< under way
  bool ended = false;

  void hear(const std::string& line) {
    auto it = json::parse(line, nullptr, false);
    if (!it.is_object())
      return;
    if (it.contains("begin")) {
      property = it["begin"];
    } else if (it.contains("property")) {
      property.clear();
      out.findings.push_back({it["property"], it["claim"], static_cast<verdict>(it["verdict"]),
                              it["cases"], it["detail"]});
    } else {
      ended = true;
      out.coverage = it["coverage"];
      out.events_per_second = it["events_per_second"];
    }
  }
};

/// @returns false when nothing came for too long.
bool listen(int from, std::chrono::seconds patience, listener& to) {
  std::string text;
  std::array<char, 4096> buffer;
  for (;;) {
    pollfd wait{from, POLLIN, 0};
    auto ready = ::poll(&wait, 1, static_cast<int>(patience.count() * 1000));
    if (ready == 0)
      return false;
    auto got = ready < 0 ? -1 : ::read(from, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR)
      continue;
    if (got <= 0)
      return true;
    text.append(buffer.data(), static_cast<std::size_t>(got));
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      to.hear(text.substr(0, end));
      text.erase(0, end + 1);
    }
  }
}

} // namespace

report verify_here(const spi::descriptor& it, const spi::options& options, const effort& how) {
  recorder out{how};
  out.result() = about(it);
  run_kit(it, options, out);
  return out.result();
}

report verify(const plugin& it, const spi::options& options, const effort& how) {
  auto& descriptor = it.descriptor();
  listener heard;
  heard.out = about(descriptor);
  auto fail = [&](std::string why) {
    heard.out.findings.push_back(
        {heard.property.empty() ? "the kit goes to its end" : heard.property,
         {},
         verdict::broken,
         0,
         std::move(why)});
    return heard.out;
  };
  int pipe[2];
  if (::pipe(pipe) != 0)
    return fail(std::string{"no pipe: "} + std::strerror(errno));
  auto child = ::fork();
  if (child < 0)
    return fail(std::string{"no child process: "} + std::strerror(errno));
  if (child == 0) {
    ::close(pipe[0]);
    be_child(pipe[1], descriptor, options, how);
  }
  ::close(pipe[1]);
  auto in_time = listen(pipe[0], how.patience, heard);
  ::close(pipe[0]);
  if (!in_time)
    ::kill(child, SIGKILL);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR)
    ;
  if (!in_time)
    return fail(fmt::format("it hangs: nothing came of it for {} seconds", how.patience.count()));
  if (WIFSIGNALED(status))
    return fail(
        fmt::format("it crashes: {} (signal {})", ::strsignal(WTERMSIG(status)), WTERMSIG(status)));
  if (!heard.ended)
    return fail(fmt::format("it ends the process with exit code {}", WEXITSTATUS(status)));
  return heard.out;
}

} // namespace atl::verify
