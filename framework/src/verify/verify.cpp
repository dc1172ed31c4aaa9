#include "claims.hpp"
#include "kits.hpp"

#include <atoll/core/child_process.hpp>
#include <atoll/core/plugin_file.hpp>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <cstdlib>
#include <cstring>

namespace atl::verify {

namespace {

using nlohmann::json;

void verify_descriptor(const spi::descriptor& it, const spi::options& options, recorder& out) {
  out.check("its claims are such as a verifier knows", "", [&] {
    if (auto refusal = claims_refusal(it))
      throw broken(*refusal);
    return it.claims.size();
  });
  out.check("it can be made with these options", "",
            [&] { return kit_of(it.kind).create(it, options); });
}

void run_kit(const spi::descriptor& it, const spi::options& options, recorder& out) {
  verify_descriptor(it, options, out);
  if (!out.result().ok())
    return;
  kit_of(it.kind).verify(it, options, out);
}

report empty_report(const spi::descriptor& it) {
  report out;
  out.plugin = it.name;
  out.version = it.version;
  out.kind = to_string(it.kind);
  return out;
}

// -- a child's report comes as lines of JSON ----------------------------------------------------

void write_line(int to, const json& line) {
  if (!write_all(to, line.dump(-1, ' ', false, json::error_handler_t::replace) + '\n'))
    std::_Exit(2); // the parent has ended
}

int run_in_child(int to, const spi::descriptor& it, const spi::options& options,
                 const effort& how) {
  recorder out{how};
  out.result() = empty_report(it);
  out.on_begin = [to](auto& property, auto& claim) {
    write_line(to, {{"begin", property}, {"claim", claim}});
  };
  out.on_finding = [to](auto& found) {
    write_line(to, {{"property", found.property},
                    {"claim", found.claim},
                    {"verdict", static_cast<int>(found.what)},
                    {"cases", found.cases},
                    {"detail", found.detail}});
  };
  out.on_progress = [to](double done) { write_line(to, {{"done", done}}); };
  try {
    run_kit(it, options, out);
  } catch (const std::exception& thrown) {
    out.on_finding({"the kit goes to its end", {}, verdict::broken, 0, thrown.what()});
  } catch (...) {
    out.on_finding({"the kit goes to its end",
                    {},
                    verdict::broken,
                    0,
                    "it threw something that is no std::exception"});
  }
  write_line(to, {{"runs", out.result().runs},
                  {"coverage", out.result().coverage},
                  {"events_per_second", out.result().events_per_second}});
  return 0;
}

/// The report of a child process, up to the child's end.
struct child_report {
  const effort& how;
  report out{};
  std::string property{}; ///< the property that is being checked
  std::string claim{};    ///< the claim that promises the property
  bool ended = false;

  void on_line(const std::string& line) {
    auto it = json::parse(line, nullptr, false);
    if (!it.is_object())
      return;
    if (it.contains("begin")) {
      property = it["begin"];
      claim = it["claim"];
    } else if (it.contains("done")) {
      if (how.on_progress)
        how.on_progress(it["done"]);
    } else if (it.contains("property")) {
      property.clear();
      claim.clear();
      out.findings.push_back({it["property"], it["claim"], static_cast<verdict>(it["verdict"]),
                              it["cases"], it["detail"]});
    } else {
      ended = true;
      out.runs = it["runs"];
      out.coverage = it["coverage"];
      out.events_per_second = it["events_per_second"];
    }
  }
};

/// @returns false when nothing came for too long.
bool read_report(child_process& child, std::chrono::seconds idle_timeout, child_report& to) {
  std::string text;
  for (;;) {
    auto bytes = child.read_some(idle_timeout);
    if (!bytes)
      return false;
    if (bytes->empty())
      return true;
    text += *bytes;
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
      to.on_line(text.substr(0, end));
      text.erase(0, end + 1);
    }
  }
}

} // namespace

report verify_here(const spi::descriptor& it, const spi::options& options, const effort& how) {
  recorder out{how};
  out.result() = empty_report(it);
  run_kit(it, options, out);
  return out.result();
}

report verify(const plugin& it, const spi::options& options, const effort& how) {
  auto& descriptor = it.descriptor();
  child_report received{how};
  received.out = empty_report(descriptor);
  auto fail = [&](std::string why) {
    received.out.findings.push_back(
        {received.property.empty() ? "the kit goes to its end" : received.property, received.claim,
         verdict::broken, 0, std::move(why)});
    return received.out;
  };
  auto child =
      child_process::start([&](int to) { return run_in_child(to, descriptor, options, how); });
  if (!child)
    return fail(child.error().message);
  auto in_time = read_report(*child, how.idle_timeout, received);
  auto ended = in_time ? child->wait() : child->kill();
  if (!in_time)
    return fail(
        fmt::format("it hangs: nothing came of it for {} seconds", how.idle_timeout.count()));
  if (ended.signal != 0)
    return fail(fmt::format("it crashes: {} (signal {})", ::strsignal(ended.signal), ended.signal));
  if (!received.ended)
    return fail(fmt::format("it ends the process with exit code {}", ended.code));
  return received.out;
}

} // namespace atl::verify
