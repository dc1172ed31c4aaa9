#include "recorded_times.hpp"
#include "workload_schema.hpp"

#include <atoll/compare/workload.hpp>
#include <atoll/core/quantity.hpp>

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

namespace atl::compare {

namespace {

/// Reads a workload from a configuration that keeps to the schema; collects what is wrong besides.
class workload_reader {
 public:
  explicit workload_reader(const config& file) : file_{file} {}

  result<workload> read() {
    workload_.name = file_.text("name");
    workload_.requests = static_cast<std::uint64_t>(file_.integer("run.requests"));
    workload_.warmup = file_.real("run.warmup");
    workload_.hosts = static_cast<std::uint32_t>(file_.integer("run.hosts"));
    workload_.tries_max = static_cast<std::uint32_t>(file_.integer("retries.tries"));
    workload_.probe_delay = time("pool.probe_delay");
    workload_.has_reports = file_.boolean("pool.reports");
    workload_.detection = time("pool.detection");
    workload_.eject_failures = static_cast<std::uint32_t>(file_.integer("pool.eject_failures"));
    workload_.ejection = time("pool.ejection");
    workload_.slow_start = time("pool.slow_start");
    workload_.keys.count = static_cast<std::uint64_t>(file_.integer("keys.count"));
    workload_.keys.zipf = file_.real("keys.zipf");
    read_service();
    read_members();
    if (problems_.empty())
      read_arrivals(); // their rate depends on all the rest
    if (problems_.empty())
      check_antagonists();
    if (!problems_.empty())
      return fail(errc::invalid, problems_);
    return workload_;
  }

 private:
  double time(std::string_view key) const {
    return static_cast<double>(file_.duration(key).count());
  }

  void report_error(std::string_view key, const std::string& message) {
    problems_ +=
        fmt::format("{}{}: {} {}", problems_.empty() ? "" : "\n", place_of(key), key, message);
  }

  /// Of a key that isn't written, the place of the one that asks for it.
  std::string place_of(std::string_view key) const {
    if (file_.where(key) != "default")
      return file_.where(key);
    for (std::string near : {"arrivals.process", "service.distribution"})
      if (key.substr(0, key.find('.')) == std::string_view{near}.substr(0, near.find('.')) &&
          file_.where(near) != "default")
        return file_.where(near);
    return file_.where("name") != "default" ? file_.where("name") : file_.where("members[0].count");
  }

  /// Reports keys that a model needs and that are missing, and keys that mean nothing to it.
  /// @param model the name and value of the key that chooses the model
  void demand(std::string_view model, std::initializer_list<std::string_view> needed,
              std::initializer_list<std::string_view> all) {
    auto chosen = fmt::format("with {} = \"{}\"", model, file_.text(model));
    for (auto key : all) {
      auto is_needed = std::find(needed.begin(), needed.end(), key) != needed.end();
      if (is_needed && !file_.is_set(key))
        report_error(key, "is missing; it is needed " + chosen);
      else if (!is_needed && file_.is_set(key))
        report_error(key, "means nothing " + chosen + "; leave it out");
    }
  }

  std::vector<double> recorded(std::string_view key, time_order order) {
    auto times = read_recorded_times(file_.path(key), order);
    if (times)
      return std::move(*times);
    report_error(key, "can't be used: " + times.error().message);
    return {};
  }

  void read_service() {
    constexpr std::array names{"constant", "exponential", "pareto", "lognormal", "recorded"};
    auto& service = workload_.service;
    auto& name = file_.text("service.distribution");
    service.distribution = static_cast<service_distribution>(
        std::find(names.begin(), names.end(), name) - names.begin());
    auto before = problems_.size();
    auto demand_keys = [&](std::initializer_list<std::string_view> needed) {
      demand("service.distribution", needed,
             {"service.mean", "service.shape", "service.maximum", "service.sigma", "service.file"});
    };
    switch (service.distribution) {
    case service_distribution::constant:
    case service_distribution::exponential:
      demand_keys({"service.mean"});
      break;
    case service_distribution::pareto:
      demand_keys({"service.mean", "service.shape", "service.maximum"});
      break;
    case service_distribution::lognormal:
      demand_keys({"service.mean", "service.sigma"});
      break;
    case service_distribution::recorded:
      demand_keys({"service.file"});
      break;
    }
    if (problems_.size() != before)
      return;
    service.mean = time("service.mean");
    service.shape = file_.real("service.shape");
    service.maximum = time("service.maximum");
    service.sigma = file_.real("service.sigma");
    if (service.distribution == service_distribution::pareto && service.maximum <= service.mean)
      report_error("service.maximum", "must be above service.mean");
    if (service.distribution != service_distribution::recorded)
      return;
    service.times = recorded("service.file", time_order::any);
    for (auto each : service.times)
      service.mean += each / static_cast<double>(service.times.size());
    if (!service.times.empty() && service.mean == 0)
      report_error("service.file", "has no time above 0");
  }

  void read_arrivals() {
    auto& arrivals = workload_.arrivals;
    auto& name = file_.text("arrivals.process");
    arrivals.process = name == "poisson"  ? arrival_process::poisson
                       : name == "bursts" ? arrival_process::bursts
                                          : arrival_process::recorded;
    auto bursts = arrivals.process == arrival_process::bursts;
    auto is_recorded = arrivals.process == arrival_process::recorded;
    if (bursts)
      demand("arrivals.process", {"arrivals.on", "arrivals.off"},
             {"arrivals.on", "arrivals.off", "arrivals.file"});
    else if (is_recorded)
      demand("arrivals.process", {"arrivals.file"},
             {"arrivals.on", "arrivals.off", "arrivals.file", "arrivals.load", "arrivals.rate"});
    else
      demand("arrivals.process", {}, {"arrivals.on", "arrivals.off", "arrivals.file"});
    if (!is_recorded && file_.is_set("arrivals.load") == file_.is_set("arrivals.rate"))
      report_error("arrivals.load", file_.is_set("arrivals.load")
                                        ? "and arrivals.rate say the same; leave one out"
                                        : "is missing; write it or arrivals.rate");
    if (!problems_.empty())
      return;
    arrivals.on = time("arrivals.on");
    arrivals.off = time("arrivals.off");
    if (!is_recorded) {
      arrivals.rate = file_.is_set("arrivals.load")
                          ? file_.real("arrivals.load") * workload_.capacity()
                          : file_.real("arrivals.rate") / 1e6;
      return;
    }
    arrivals.times = recorded("arrivals.file", time_order::ascending);
    if (arrivals.times.empty())
      return;
    auto first = arrivals.times.front();
    for (auto& each : arrivals.times)
      each -= first;
    if (arrivals.times.back() == 0)
      return report_error("arrivals.file", "has no two different times");
    arrivals.rate = static_cast<double>(arrivals.times.size() - 1) / arrivals.times.back();
    workload_.requests = std::min<std::uint64_t>(workload_.requests, arrivals.times.size());
  }

  void read_members() {
    auto from_the_beginning = false;
    for (std::size_t i = 0; i < file_.size_of("members"); ++i) {
      auto member = read_member(i);
      from_the_beginning |= member.joins == 0;
      auto count = static_cast<std::size_t>(file_.integer(config::at("members", i, "count")));
      if (workload_.members.size() + count > workload_members_max)
        return report_error(config::at("members", i, "count"),
                            fmt::format("makes more than {} members", workload_members_max));
      workload_.members.insert(workload_.members.end(), count, member);
    }
    if (!from_the_beginning)
      report_error("members[0].joins", "leaves no member for the beginning; one must not join");
  }

  /// A run takes time for each change of an antagonist, however few requests there are.
  void check_antagonists() {
    auto length = static_cast<double>(workload_.requests) / workload_.arrivals.rate;
    double changes = 0;
    for (std::size_t i = 0; i < file_.size_of("members"); ++i) {
      auto key = [&](std::string_view name) { return config::at("members", i, name); };
      if (file_.real(key("antagonist")) > 1 && file_.real(key("antagonist_share")) > 0)
        changes += static_cast<double>(file_.integer(key("count"))) * length /
                   time(key("antagonist_period"));
      if (changes > antagonist_changes_max)
        return report_error(
            key("antagonist_period"),
            fmt::format("makes antagonists change {:.3g} times until the last request, expected "
                        "at most {:.3g}; make it longer, or the arrivals' rate higher",
                        changes, antagonist_changes_max));
    }
  }

  member_model read_member(std::size_t index) {
    auto key = [&](std::string_view name) { return config::at("members", index, name); };
    member_model it;
    it.domain = file_.text(key("domain"));
    it.weight = file_.real(key("weight"));
    it.servers = static_cast<std::uint32_t>(file_.integer(key("servers")));
    it.discipline = file_.text(key("discipline")) == "fifo" ? queue_discipline::fifo
                                                            : queue_discipline::sharing;
    it.slow = file_.real(key("slow"));
    it.fails = file_.real(key("fails"));
    it.queue_max = static_cast<std::uint32_t>(file_.integer(key("queue_max")));
    it.antagonist = {file_.real(key("antagonist")), file_.real(key("antagonist_share")),
                     time(key("antagonist_period"))};
    it.joins = time(key("joins"));
    it.leaves = time(key("leaves"));
    if (it.leaves != 0 && it.leaves <= it.joins)
      report_error(key("leaves"), "must be after its joins; 0s: never");
    it.paused = read_intervals(key("paused"));
    it.down = read_intervals(key("down"));
    return it;
  }

  std::vector<interval> read_intervals(const std::string& key) {
    std::vector<interval> intervals;
    for (auto& text : file_.texts(key)) {
      auto dots = text.find("..");
      auto from = parse_duration(text.substr(0, dots));
      auto to = dots == std::string::npos ? from : parse_duration(text.substr(dots + 2));
      if (!from || !to || *from >= *to) {
        report_error(key,
                     fmt::format("has '{}'; expected an interval such as \"2s..2500ms\"", text));
        continue;
      }
      interval next{static_cast<double>(from->count()), static_cast<double>(to->count())};
      if (!intervals.empty() && next.from < intervals.back().to)
        report_error(
            key, fmt::format("has '{}', which begins before the interval before it ends", text));
      intervals.push_back(next);
    }
    return intervals;
  }

  const config& file_;
  workload workload_;
  std::string problems_;
};

result<workload> read(const result<config>& file) {
  if (!file)
    return tl::unexpected{file.error()};
  return workload_reader{*file}.read();
}

} // namespace

double workload::capacity() const {
  double sum = 0;
  for (auto& each : members)
    if (each.joins == 0)
      sum += each.servers / (service.mean * each.slow);
  return sum;
}

result<workload> load_workload(const std::filesystem::path& file) {
  return read(config::load(file, workload_schema()));
}

result<workload> parse_workload(std::string_view text, const std::filesystem::path& file) {
  return read(config::parse(text, file, workload_schema()));
}

} // namespace atl::compare
