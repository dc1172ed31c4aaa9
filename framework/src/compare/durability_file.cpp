#include <atoll/compare/durability_model.hpp>
#include <atoll/core/plugin_name.hpp>
#include <atoll/core/toml_config.hpp>

#include <fmt/format.h>

namespace atl::compare {

namespace {

using spi::option_type;

std::vector<key_spec> make_schema() {
  return {
      {.key = "name", .default_value = "durability", .meaning = "Heading of the report."},
      {.key = "nodes",
       .type = option_type::integer,
       .default_value = "60",
       .minimum = "1",
       .maximum = "1000",
       .meaning = "Storage nodes."},
      {.key = "zones",
       .type = option_type::integer,
       .default_value = "6",
       .minimum = "1",
       .maximum = "1000",
       .meaning = "Failure domains, of which each has about as many nodes."},
      {.key = "chunks",
       .type = option_type::integer,
       .default_value = "20000",
       .minimum = "1",
       .maximum = "1000000",
       .meaning = "Chunks in the cluster."},
      {.key = "chunk_bytes",
       .type = option_type::size,
       .default_value = "64MiB",
       .minimum = "4KiB",
       .maximum = "1GiB",
       .meaning = "Size of a chunk before it is encoded."},
      {.key = "spread",
       .default_value = "random",
       .maximum = "random|copysets",
       .meaning = "Which nodes share a chunk: any, or one of a few sets."},
      {.key = "scatter_width",
       .type = option_type::integer,
       .default_value = "4",
       .minimum = "1",
       .maximum = "1000",
       .meaning = "Other nodes that share chunks with a node, with copysets."},
      {.key = "node_mttf",
       .type = option_type::duration,
       .default_value = "8766h",
       .minimum = "1m",
       .maximum = "100000000h",
       .meaning = "Mean time until a node fails for good."},
      {.key = "zone_mttf",
       .type = option_type::duration,
       .default_value = "0s",
       .minimum = "0s",
       .maximum = "100000000h",
       .meaning = "Mean time until a zone fails; 0s: none does."},
      {.key = "zone_outage",
       .type = option_type::duration,
       .default_value = "0s",
       .minimum = "0s",
       .maximum = "100000h",
       .meaning = "How long a zone that fails is away; 0s: it is lost for good."},
      {.key = "detection",
       .type = option_type::duration,
       .default_value = "10m",
       .minimum = "0s",
       .maximum = "100000h",
       .meaning = "Time from a failure until repairs begin."},
      {.key = "repair_rate",
       .type = option_type::size,
       .default_value = "50MiB",
       .minimum = "1KiB",
       .maximum = "1TiB",
       .meaning = "Bytes a second that a node receives for repairs."},
      {.key = "balancer",
       .default_value = "random",
       .meaning = "Plugin with which the keeper picks the nodes to repair to."},
      {.key = "years",
       .type = option_type::real,
       .default_value = "1",
       .minimum = "0.001",
       .maximum = "1000",
       .meaning = "Length of a run, and of the time in which data may be lost."},
      {.key = "runs",
       .type = option_type::integer,
       .default_value = "1000",
       .minimum = "10",
       .maximum = "10000000",
       .meaning = "Runs of the simulation."},
  };
}

std::span<const key_spec> schema() {
  static const auto all = make_schema();
  return all;
}

double seconds(const config& file, std::string_view key) {
  return static_cast<double>(file.duration(key).count()) / 1e6;
}

/// Of a key that isn't written, the place of another one that is.
std::string place_of(const config& file, std::initializer_list<std::string_view> keys) {
  for (auto key : keys)
    if (file.where(key) != "default")
      return file.where(key);
  return "durability";
}

result<durability_model> read(const result<config>& loaded) {
  if (!loaded)
    return tl::unexpected{loaded.error()};
  auto& file = *loaded;
  durability_model out;
  out.name = file.text("name");
  out.nodes = static_cast<std::uint32_t>(file.integer("nodes"));
  out.zones = static_cast<std::uint32_t>(file.integer("zones"));
  out.chunks = static_cast<std::uint64_t>(file.integer("chunks"));
  out.chunk_bytes = file.size("chunk_bytes");
  out.spread = file.text("spread") == "copysets" ? chunk_spread::copysets : chunk_spread::random;
  out.scatter_width = static_cast<std::uint32_t>(file.integer("scatter_width"));
  out.node_mttf = seconds(file, "node_mttf");
  out.zone_mttf = seconds(file, "zone_mttf");
  out.zone_outage = seconds(file, "zone_outage");
  out.detection = seconds(file, "detection");
  out.repair_rate = static_cast<double>(file.size("repair_rate"));
  out.balancer = file.text("balancer");
  out.years = file.real("years");
  out.runs = static_cast<std::uint32_t>(file.integer("runs"));
  if (out.zones > out.nodes)
    return fail(errc::invalid,
                fmt::format("{}: zones is {}, and there are {} nodes only: each zone needs one",
                            place_of(file, {"zones", "nodes"}), out.zones, out.nodes));
  if (out.spread == chunk_spread::random && file.where("scatter_width") != "default")
    return fail(errc::invalid,
                fmt::format("{}: scatter_width means nothing with spread = \"random\"; leave it "
                            "out, or write spread = \"copysets\"",
                            file.where("scatter_width")));
  if (out.zone_outage > 0 && out.zone_mttf == 0)
    return fail(errc::invalid,
                fmt::format("{}: zone_outage means nothing without zone_mttf, which says how often "
                            "a zone fails; write both, or neither",
                            file.where("zone_outage")));
  if (!is_plugin_name(out.balancer))
    return fail(errc::invalid, fmt::format("{}: balancer is '{}', expected the name of a plugin",
                                           file.where("balancer"), out.balancer));
  auto rate = 1 / out.node_mttf + (out.zone_mttf > 0 ? 1 / out.zone_mttf : 0);
  auto failures = out.run_seconds() * rate * out.nodes * out.runs;
  if (failures > simulated_failures_max)
    return fail(errc::invalid,
                fmt::format("{}: {:.3g} failures of nodes would be simulated, expected at most "
                            "{:.3g}: choose fewer runs, fewer years or a longer node_mttf or "
                            "zone_mttf",
                            place_of(file, {"runs", "years", "node_mttf", "zone_mttf", "nodes"}),
                            failures, simulated_failures_max));
  return out;
}

} // namespace

result<durability_model> load_durability_model(const std::filesystem::path& file) {
  return read(config::load(file, schema()));
}

result<durability_model> parse_durability_model(std::string_view text,
                                                const std::filesystem::path& file) {
  return read(config::parse(text, file, schema()));
}

} // namespace atl::compare
