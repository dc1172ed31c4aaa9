#include "running_cluster.hpp"

#include "cli/node_format.hpp"
#include "free_port.hpp"
#include "machine.hpp"

#include <cstdlib>
#include <fstream>

namespace {

std::string program(const char* name) {
  return atl::node::sibling_program(fmt::format("../bin/{}", name)).string();
}

} // namespace

running_cluster::running_cluster(const cluster_plan& plan) {
  auto shared = fmt::format("[cluster]\nname = \"bench\"\n");
  for (int i = 1; i <= plan.masters; ++i)
    shared += fmt::format("[[masters]]\nid = {0}\nname = \"master-{0}\"\n"
                          "address = \"127.0.0.1:{1}\"\n",
                          i, free_port());
  if (!plan.consensus.empty())
    shared += "[consensus]\n" + plan.consensus + "\n";
  shared += fmt::format("[files]\ndurability = \"{}\"\ninline_limit = {}\n", plan.durability,
                        plan.inline_bytes) +
            plan.more;
  write("cluster.toml", shared);
  for (int i = 1; i <= plan.masters; ++i)
    write(fmt::format("master-{}.toml", i),
          fmt::format("include = \"cluster.toml\"\n[node]\nname = \"master-{0}\"\n"
                      "roles = [\"master\"]\ndata = \"data/master-{0}\"\n",
                      i));
  for (int i = 1; i <= plan.storages; ++i)
    write(fmt::format("storage-{}.toml", i),
          fmt::format("include = \"cluster.toml\"\n[node]\nname = \"storage-{0}\"\n"
                      "roles = [\"storage\"]\ndata = \"data/storage-{0}\"\n"
                      "bulk = \"127.0.0.1:{1}\"\n",
                      i, free_port()));
  nodes_ = must(atl::node::nodes_in(folder_.path(), dfs::cli::node_format()), "nodes");
  auto command = fmt::format("{} up {} > {}/up.log 2>&1", program("dfs"), folder_.path().string(),
                             folder_.path().string());
  if (std::system(command.c_str()) != 0)
    throw std::runtime_error("the cluster didn't come up");
  auto config = must(atl::config::load(folder_ / "cluster.toml", dfs::cluster_schema()), "config");
  settings_ = must(dfs::read_cluster(config), "config");
}

running_cluster::~running_cluster() {
  auto command =
      fmt::format("{} down {} > /dev/null 2>&1", program("dfs"), folder_.path().string());
  if (std::system(command.c_str()) != 0)
    fmt::print(stderr, "the cluster didn't stop cleanly\n");
}

const atl::node::local_node& running_cluster::node(const std::string& name) const {
  for (auto& it : nodes_)
    if (it.name == name)
      return it;
  throw std::runtime_error("there is no node " + name);
}

void running_cluster::start(const std::string& name) {
  must(atl::node::start(node(name), program("dfsd")), "starting a node");
}

double running_cluster::processor_seconds() const {
  double sum = 0;
  for (auto& it : nodes_)
    if (auto pid = atl::node::running(it))
      sum += machine::processor_seconds(*pid);
  return sum;
}

std::map<std::string, double> running_cluster::peak_memory() const {
  std::map<std::string, double> peaks;
  for (auto& it : nodes_)
    if (auto pid = atl::node::running(it))
      peaks[it.name] = static_cast<double>(machine::peak_resident_bytes(*pid)) / 1e6;
  return peaks;
}

void running_cluster::write(const std::string& name, const std::string& text) {
  std::ofstream{folder_ / name} << text;
}
