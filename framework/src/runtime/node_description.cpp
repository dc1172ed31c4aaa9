#include <atoll/runtime/node_description.hpp>

#include <algorithm>

namespace atl::runtime {

node_description::node_description(node_info self) : info_{std::move(self)} {}

node_info node_description::info() const {
  std::lock_guard lock{mutex_};
  auto info = info_;
  // The rest of a mark stays that of the start: it shows how far the log reached then.
  for (auto& role : info.roles)
    if (auto live = live_.find(role.name); live != live_.end() && live->second)
      role.mark.short_of_space = live->second->read().short_of_space;
  return info;
}

std::uint64_t node_description::version() const {
  std::lock_guard lock{mutex_};
  return version_;
}

bool node_description::has_replica() const {
  std::lock_guard lock{mutex_};
  return std::ranges::any_of(info_.roles, [](auto& role) { return role.replica != 0; });
}

void node_description::set_address(std::string address) {
  std::lock_guard lock{mutex_};
  info_.address = std::move(address);
  ++version_;
}

void node_description::set_role(role_info role, std::shared_ptr<const shared_mark> live) {
  std::lock_guard lock{mutex_};
  live_[role.name] = std::move(live);
  auto known = std::ranges::find(info_.roles, role.name, &role_info::name);
  if (known == info_.roles.end())
    info_.roles.push_back(std::move(role));
  else
    *known = std::move(role);
  ++version_;
}

void node_description::remove_role(const std::string& role) {
  std::lock_guard lock{mutex_};
  live_.erase(role);
  std::erase_if(info_.roles, [&](auto& it) { return it.name == role; });
  ++version_;
}

std::vector<role_mark> node_description::marks() const {
  std::lock_guard lock{mutex_};
  std::vector<role_mark> marks;
  for (auto& role : info_.roles)
    if (auto live = live_.find(role.name); live != live_.end() && live->second)
      marks.push_back({role.name, role.replica, live->second->read()});
  return marks;
}

void node_description::set_status(const std::string& role, status_source source) {
  std::lock_guard lock{status_mutex_};
  if (source)
    sources_[role] = std::move(source);
  else
    sources_.erase(role);
}

node_status node_description::status() const {
  auto self = info();
  node_status status{self.name, self.cluster, self.address, {}};
  std::lock_guard lock{status_mutex_};
  for (auto& role : self.roles) {
    auto source = sources_.find(role.name);
    auto waits = role.replica != 0 && role.group.empty();
    auto& it = status.roles.emplace_back(
        source != sources_.end() ? source->second()
                                 : role_status{{}, waits ? health::waiting : health::serving, {}});
    it.role = role.name;
  }
  for (auto& [name, source] : sources_)
    if (self.find_role(name) == nullptr) {
      status.roles.push_back(source());
      status.roles.back().role = name;
    }
  return status;
}

void node_description::set_metrics(const std::string& role, metric_source source) {
  std::lock_guard lock{status_mutex_};
  if (source)
    metric_sources_[role] = std::move(source);
  else
    metric_sources_.erase(role);
}

metric_set node_description::metrics() const {
  auto now = status();
  metric_set all;
  all.gauge("atoll_node_info", "Always 1; the labels say which node this is.", 1,
            {{"node", now.name}, {"cluster", now.cluster}, {"address", now.address}});
  for (auto& it : now.roles)
    all.gauge("atoll_role_serving", "Whether the role does its work: 1 or 0.",
              it.health == health::serving, {{"role", it.role}});
  std::lock_guard lock{status_mutex_};
  for (auto& [role, source] : metric_sources_) {
    metric_set of_role;
    source(of_role);
    all.add(of_role, role.empty() ? metric_labels{} : metric_labels{{"role", role}});
  }
  return all;
}

void node_description::set_inventory(std::vector<plugin_entry> plugins) {
  std::lock_guard lock{mutex_};
  plugins_ = std::move(plugins);
}

std::vector<plugin_entry> node_description::inventory() const {
  std::lock_guard lock{mutex_};
  return plugins_;
}

} // namespace atl::runtime
