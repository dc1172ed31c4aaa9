#include "metrics_json.hpp"

#include <map>
#include <string>
#include <string_view>
#include <utility>

namespace atl::node {

namespace {

using nlohmann::json;

constexpr std::string_view part_names[] = {"value", "sum", "count"};

std::string_view part_name(metric_part part) {
  return part_names[static_cast<std::size_t>(part)];
}

std::string value_of(const metric_labels& labels, std::string_view name) {
  for (auto& label : labels)
    if (label.name == name)
      return label.value;
  return {};
}

/// A whole number is written as such.
json number(double value) {
  constexpr double whole_max = 1e15;
  if (value >= 0 && value < whole_max &&
      value == static_cast<double>(static_cast<std::uint64_t>(value)))
    return static_cast<std::uint64_t>(value);
  return value;
}

std::string_view without(std::string_view text, std::string_view prefix, std::string_view suffix) {
  text.remove_prefix(prefix.size());
  if (text.ends_with(suffix))
    text.remove_suffix(suffix.size());
  return text;
}

struct dispatcher_objects {
  json own = json::object();
  std::map<std::string, json> workers; ///< by `worker_id`
};

void add(dispatcher_objects& to, std::string_view key, const metric_sample& sample) {
  constexpr std::string_view of_worker = "worker_";
  auto id = value_of(sample.labels, "worker_id");
  if (!id.empty()) {
    auto& worker = to.workers[id];
    worker["name"] = value_of(sample.labels, "worker");
    worker["id"] = id;
    worker[std::string{without(key, key.starts_with(of_worker) ? of_worker : "", "")}] =
        number(sample.value);
  } else if (auto part = value_of(sample.labels, "quantile"); !part.empty()) {
    to.own[std::string{key}][part] = number(sample.value);
  } else if (sample.part != metric_part::value) {
    to.own[std::string{key}][std::string{part_name(sample.part)}] = number(sample.value);
  } else {
    to.own[std::string{key}] = number(sample.value);
  }
}

} // namespace

json metrics_as_json(const metric_set& metrics) {
  auto all = json::array();
  for (auto& family : metrics.families()) {
    json one{{"name", family.name},
             {"help", family.help},
             {"type", to_string(family.type)},
             {"samples", json::array()}};
    for (auto& sample : family.samples) {
      auto labels = json::object();
      for (auto& label : sample.labels)
        labels[label.name] = label.value;
      one["samples"].push_back({{"labels", std::move(labels)},
                                {std::string{part_name(sample.part)}, number(sample.value)}});
    }
    all.push_back(std::move(one));
  }
  return all;
}

json dispatchers_as_json(const metric_set& metrics) {
  constexpr std::string_view prefix = "atoll_dispatcher_";
  std::map<std::pair<std::string, std::string>, dispatcher_objects> found;
  for (auto& family : metrics.families()) {
    if (!family.name.starts_with(prefix))
      continue;
    auto key = without(family.name, prefix, "_total");
    for (auto& sample : family.samples) {
      auto& dispatcher =
          found[{value_of(sample.labels, "role"), value_of(sample.labels, "dispatcher")}];
      if (key == "info")
        dispatcher.own["balancer"] = value_of(sample.labels, "balancer");
      else
        add(dispatcher, key, sample);
    }
  }
  auto all = json::array();
  for (auto& [name, it] : found) {
    it.own["role"] = name.first;
    it.own["name"] = name.second;
    it.own["worker_list"] = json::array();
    for (auto& [id, worker] : it.workers)
      it.own["worker_list"].push_back(std::move(worker));
    all.push_back(std::move(it.own));
  }
  return all;
}

} // namespace atl::node
