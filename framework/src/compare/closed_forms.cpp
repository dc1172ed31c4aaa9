#include "random_draws.hpp"

#include <atoll/compare/closed_forms.hpp>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>

namespace atl::compare {

namespace {

constexpr auto infinite = std::numeric_limits<double>::infinity();

/// The time that a share of 1 % of the requests exceeds.
double percentile_99(double mean, const std::function<double(double)>& tail) {
  double low = 0, high = mean;
  while (tail(high) > 0.01)
    high *= 2;
  for (int step = 0; step < 100; ++step) {
    auto middle = (low + high) / 2;
    (tail(middle) > 0.01 ? low : high) = middle;
  }
  return high;
}

/// Why no formula holds; empty: some do.
std::string why_none(const workload& it) {
  if (it.arrivals.process != arrival_process::poisson)
    return "arrivals aren't Poisson";
  for (auto& member : it.members) {
    if (member.joins != 0 || member.leaves != 0)
      return "members join or leave";
    if (!member.paused.empty() || !member.down.empty() || member.fails > 0)
      return "members fail or pause";
    if (member.queue_max != 0)
      return "members reject requests";
    if (member.antagonist.stretch > 1 && member.antagonist.share > 0)
      return "members have antagonists";
  }
  if (it.load() >= 1)
    return "the load is 1 or more, so that queues grow without end";
  return {};
}

/// A member that gets a fixed share of the requests, whatever its queue.
struct lone_member {
  std::uint32_t servers;
  double share;
  double load;
  double service;
};

std::vector<lone_member> lone_members(const workload& it, bool by_weight) {
  auto sum = std::accumulate(it.members.begin(), it.members.end(), 0.0,
                             [](double sum, auto& member) { return sum + member.weight; });
  std::vector<lone_member> out;
  for (auto& member : it.members) {
    auto share = by_weight ? member.weight / sum : 1 / static_cast<double>(it.members.size());
    auto service = it.service.mean * member.slow;
    out.push_back(
        {member.servers, share, share * it.arrivals.rate * service / member.servers, service});
  }
  return out;
}

/// Each request goes to a member that is drawn at random, so that each member is a queue of its
/// own.
void add_random(std::vector<closed_form>& to, const workload& it, bool by_weight) {
  auto exponential = it.service.distribution == service_distribution::exponential;
  auto single = [](auto& member) { return member.servers == 1; };
  if (!exponential && !std::all_of(it.members.begin(), it.members.end(), single))
    return; // no formula for M/G/n
  auto fifo = [](auto& member) { return member.discipline == queue_discipline::fifo; };
  auto all_fifo = std::all_of(it.members.begin(), it.members.end(), fifo);
  auto squares = second_moment(it.service) / (it.service.mean * it.service.mean);
  auto members = lone_members(it, by_weight);
  double mean = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    auto& each = members[i];
    if (each.share == 0)
      continue;
    auto general = !exponential && fifo(it.members[i]);
    auto time = each.load >= 1 ? infinite
                : general ? mg1_mean(each.load, each.service, squares * each.service * each.service)
                          : mmn_mean(each.servers, each.load, each.service);
    mean += each.share * time;
  }
  closed_form form{by_weight ? "random by weight" : "random",
                   by_weight ? "sum of w_i/W T_i" : "(1/n) sum of T_i",
                   mean,
                   {},
                   {}};
  form.formula += exponential ? ", each M/M/c" : all_fifo ? ", each M/G/1" : ", each M/G/1-PS";
  if (exponential && all_fifo && std::isfinite(mean))
    form.p99 = percentile_99(mean, [&](double time) {
      return std::accumulate(members.begin(), members.end(), 0.0, [&](double sum, auto& each) {
        return sum + each.share * mmn_tail(each.servers, each.load, each.service, time);
      });
    });
  to.push_back(std::move(form));
}

} // namespace

double erlang_c(std::uint32_t servers, double load) {
  auto offered = load * servers;
  double blocked = 1; // Erlang's B formula, by its recursion
  for (std::uint32_t k = 1; k <= servers; ++k)
    blocked = offered * blocked / (k + offered * blocked);
  return blocked / (1 - load * (1 - blocked));
}

double mmn_mean(std::uint32_t servers, double load, double service) {
  return service + erlang_c(servers, load) * service / (servers * (1 - load));
}

double mmn_tail(std::uint32_t servers, double load, double service, double time) {
  auto t = time / service;
  auto spare =
      servers * (1 - load) - 1; // how much faster the queue drains than a request is served
  auto waiting = std::abs(spare) < 1e-9 ? t : (1 - std::exp(-spare * t)) / spare;
  return std::exp(-t) * (1 + erlang_c(servers, load) * waiting);
}

double mg1_mean(double load, double service, double second_moment) {
  return service + load * second_moment / (2 * service * (1 - load));
}

double power_of_d_mean(std::uint32_t choices, double load, double service) {
  double sum = 0;
  double exponent = 0; // (d^i - d) / (d - 1)
  for (double term = 1; term > 1e-15 * sum; term = std::pow(load, exponent)) {
    sum += term;
    exponent = exponent * choices + choices;
    if (choices == 1)
      return service / (1 - load);
  }
  return sum * service;
}

closed_forms_of_workload closed_forms(const workload& it) {
  closed_forms_of_workload out{{}, why_none(it)};
  if (!out.why_none.empty())
    return out;
  add_random(out.forms, it, false);
  auto& first = it.members.front();
  auto alike = [&](auto& member) {
    return member.servers == first.servers && member.slow == first.slow &&
           member.discipline == first.discipline;
  };
  auto same_weight = [&](auto& member) { return member.weight == first.weight; };
  if (!std::all_of(it.members.begin(), it.members.end(), same_weight))
    add_random(out.forms, it, true);
  if (it.service.distribution == service_distribution::exponential &&
      std::all_of(it.members.begin(), it.members.end(), alike)) {
    auto load = it.load();
    auto service = it.service.mean * first.slow;
    auto servers = static_cast<std::uint32_t>(it.members.size() * first.servers);
    auto one_queue = mmn_mean(servers, load, service);
    if (first.servers == 1)
      for (std::uint32_t choices : {2, 3})
        out.forms.push_back({"power of " + std::to_string(choices),
                             "sum of load^((d^i-d)/(d-1)), many members",
                             power_of_d_mean(choices, load, service),
                             {},
                             {}});
    out.forms.push_back({"join the shortest queue",
                         "between M/M/n and random",
                         one_queue,
                         out.forms.front().mean,
                         {}});
    closed_form erlang{"one queue for all", "M/M/n (Erlang C)", one_queue, {}, {}};
    if (first.discipline == queue_discipline::fifo)
      erlang.p99 = percentile_99(
          one_queue, [&](double time) { return mmn_tail(servers, load, service, time); });
    out.forms.push_back(std::move(erlang));
  }
  if (out.forms.empty())
    out.why_none = "members have several servers, and times of service aren't exponential";
  return out;
}

} // namespace atl::compare
