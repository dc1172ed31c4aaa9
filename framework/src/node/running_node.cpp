#include "running_node.hpp"

#include <atoll/core/logging.hpp>
#include <atoll/runtime/caf.hpp>
#include <atoll/runtime/runtime_messages.hpp>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <exception>

namespace atl::node {

namespace {

/// Reports the failures that the actors of a role tell of.
class supervisor_actor : public caf::event_based_actor {
 public:
  supervisor_actor(caf::actor_config& config, std::function<void(const error&)> failed)
      : caf::event_based_actor{config}, failed_{std::move(failed)} {}

  caf::behavior make_behavior() override {
    return {[this](const runtime::node_failure& failure) { failed_(failure.problem); }};
  }
  const char* name() const override { return "atoll.supervisor"; }

 private:
  std::function<void(const error&)> failed_;
};

runtime::membership who(const loaded_config& all) {
  return {all.cluster.name, all.self.name, all.self.roles.front(), all.cluster.secret};
}

} // namespace

running_node::running_node(parts given)
    : given_{std::move(given)}, actors_{given_.all.self.threads, who(given_.all)} {}

running_node::~running_node() {
  while (!roles_.empty()) {
    stop_role(roles_.back());
    roles_.pop_back();
  }
  actors_.disconnect();
  actors_->await_all_actors_done();
}

result<std::unique_ptr<running_node>> running_node::start(parts given,
                                                          const application& application) {
  if (application.register_messages)
    application.register_messages();
  std::unique_ptr<running_node> node{new running_node{std::move(given)}};
  if (auto locked = node->lock_folder(); !locked)
    return tl::unexpected{locked.error()};
  if (auto started = node->start_roles(application); !started)
    return tl::unexpected{started.error()};
  return node;
}

status running_node::lock_folder() {
  auto& all = given_.all;
  auto taken = data_folder::lock(all.self.data, all.cluster.name, all.self.name);
  if (!taken)
    return tl::unexpected{taken.error()};
  if (given_.orders.new_disk)
    if (auto emptied = taken->put_aside(); !emptied)
      return emptied;
  folder_.emplace(std::move(*taken));
  return {};
}

status running_node::start_roles(const application& application) {
  for (auto& role : application.roles)
    if (given_.all.self.has_role(role->name()))
      if (auto started = start_role(role); !started)
        return started;
  return {};
}

status running_node::start_role(const std::shared_ptr<role>& what) {
  auto failed = [report = given_.failed, name = std::string{what->name()}](const error& problem) {
    report(name, problem);
  };
  auto supervisor = actors_->spawn<supervisor_actor>(failed);
  auto& all = given_.all;
  roles_.push_back({what,
                    {all.config, all.cluster, all.self, given_.plugins, given_.orders, *folder_,
                     actors_, given_.open_files_max, failed, supervisor}});
  try {
    return what->start(roles_.back().context);
  } catch (const std::exception& thrown) {
    return fail(errc::internal,
                fmt::format("starting the role '{}' threw: {}", what->name(), thrown.what()));
  }
}

void running_node::stop_role(started_role& running) {
  running.what->stop();
  caf::anon_send_exit(running.context.supervisor, caf::exit_reason::user_shutdown);
  running.context.supervisor = nullptr;
}

bool running_node::take_down(std::string_view role) {
  auto failed =
      std::ranges::find_if(roles_, [&](auto& running) { return running.what->name() == role; });
  if (failed != roles_.end()) {
    stop_role(*failed);
    roles_.erase(failed);
  }
  return !roles_.empty();
}

} // namespace atl::node
