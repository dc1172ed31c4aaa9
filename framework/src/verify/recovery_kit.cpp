#include "kits.hpp"
#include "option_samples.hpp"
#include "other_process.hpp"
#include "recovery_codec_checks.hpp"
#include "recovery_part_checks.hpp"
#include "recovery_plan_checks.hpp"
#include "recovery_promise_checks.hpp"
#include "recovery_properties.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <ctime>
#include <limits>

/// Checks of every recovery scheme (`atoll/spi/recovery.hpp`), and of its claims.
namespace atl::verify {

namespace {

using codec::scheme_maker;
using properties::finding;

std::uint64_t number_of(const std::string& text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw broken("its claim '" + text + "' is no number");
  return value;
}

/// A scheme with some options, and the extent of the checks.
struct scheme_under_test {
  scheme_maker make;
  std::unique_ptr<spi::recovery> scheme;
  std::uint32_t survives; ///< losses that it claims to survive; 0 without such a claim
  effort how;
  std::shared_ptr<const properties::loss_tolerance> tolerance;

  scheme_under_test(scheme_maker maker, std::uint32_t losses, const effort& effort)
      : make{std::move(maker)}, scheme{make()}, survives{losses}, how{effort} {}

  void must(const finding& wrong, const std::string& where) const {
    if (wrong)
      throw broken(fmt::format("{}: it {}", where, *wrong));
  }

  /// Checks a property on one of each `part` seeds, but on at most `most`.
  template <class Property>
  std::uint64_t for_seeds(std::uint64_t part, std::uint64_t most, Property&& holds) const {
    auto seeds = std::clamp<std::uint64_t>(how.seeds / part, 1, most);
    for (auto seed = how.first; seed < how.first + seeds; ++seed)
      must(holds(seed), fmt::format("seed {}", seed));
    return seeds;
  }

  /// Checks a property on chunks with damage drawn from the seed. Every second seed numbers its
  /// chunks from a random number on.
  template <class Property>
  std::uint64_t for_each_damage(std::uint64_t part, Property&& holds) {
    if (!tolerance)
      tolerance = std::make_shared<properties::loss_tolerance>(*scheme);
    return for_seeds(part, how.seeds, [&](auto seed) {
      spi::random_source random{seed};
      properties::fragment_model model{*scheme, tolerance, seed % 2 == 0 ? 0 : random.next() >> 1};
      properties::damage(model, *scheme, random, 1 + random.below(8));
      return holds(model, random);
    });
  }
};

/// Sizes at which codes often fail: zero, less than a byte for each fragment, around powers of two.
std::vector<std::size_t> sizes(spi::random_source& random) {
  std::vector<std::size_t> all{0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 255, 4095, 4096, 4097};
  all.push_back(1 + random.below(600));
  all.push_back(1 + random.below(100'000));
  return all;
}

/// Checks a property on chunks of all sizes whose fragments together have at most some MiB.
template <class Property>
finding for_each_size(const spi::recovery& scheme, std::uint64_t seed, Property&& holds) {
  constexpr std::size_t stored_max = std::size_t{4} << 20;
  spi::random_source random{seed};
  auto total = scheme.layout().total;
  for (auto size : sizes(random)) {
    auto is_small_enough = size * total <= stored_max;
    if (auto wrong =
            is_small_enough ? holds(properties::random_bytes(random, size), random) : finding{})
      return fmt::format("{}, of a chunk of {} bytes", *wrong, size);
  }
  return std::nullopt;
}

finding encodes(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_size(scheme, seed, [&](const std::string& chunk, auto&) {
    return properties::encodes_as_it_says(scheme, chunk);
  });
}

/// All sets of fragments are tried with the first seed, and some with each further one.
finding decodes(const scheme_under_test& it, std::uint64_t seed) {
  return for_each_size(*it.scheme, seed, [&](const std::string& chunk, auto& random) {
    auto sets = seed == it.how.first && chunk.size() < 5'000 ? 4'096 : 40;
    return properties::decodes_what_it_can(*it.scheme, chunk, it.survives, random, sets);
  });
}

finding reads(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_size(scheme, seed, [&](const std::string& chunk, auto& random) {
    return properties::reads_parts(scheme, chunk, random);
  });
}

finding refuses(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_size(scheme, seed, [&](const std::string& chunk, auto& random) {
    return properties::refuses_wrong_lengths(scheme, chunk, random);
  });
}

/// Sizes around those of cells and stripes: one less than a cell, than a cell of each fragment that
/// is needed, and so on. Cells have 64 KiB, or what the scheme says.
std::vector<std::size_t> sizes_of_cells(const spi::recovery& scheme) {
  auto how = scheme.stripes();
  const std::size_t cell = how.cell_bytes == 0 ? std::size_t{64} << 10 : how.cell_bytes;
  auto stripe = cell * (how.cell_bytes == 0 ? scheme.layout().needed : how.data);
  std::vector<std::size_t> all{0, 1, cell - 1, cell, cell + 1, stripe - 1, stripe, stripe + 1};
  std::erase_if(all, [](auto size) { return size > std::size_t{4} << 20; });
  return all;
}

/// Checks a property on chunks of sizes around those of cells and stripes.
template <class Property>
finding for_each_cell_size(const spi::recovery& scheme, std::uint64_t seed, Property&& holds) {
  spi::random_source random{seed};
  for (auto size : sizes_of_cells(scheme))
    if (auto wrong = holds(codec::large_chunk(random, size), random))
      return fmt::format("{}, of a chunk of {} bytes", *wrong, size);
  return std::nullopt;
}

finding decodes_cells(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_cell_size(scheme, seed, [&](const std::string& chunk, auto& random) {
    auto wrong = properties::decodes_what_it_can(scheme, chunk, 0, random, 40);
    return wrong ? wrong : promised::scratch_is_bounded(scheme, chunk);
  });
}

finding rebuilds(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_cell_size(scheme, seed, [&](const std::string& chunk, auto& random) {
    return parts::rebuild_every_fragment(scheme, chunk, random);
  });
}

finding reads_at_edges(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_cell_size(scheme, seed, [&](const std::string& chunk, auto& random) {
    return parts::read_ranges_at_edges(scheme, chunk, random);
  });
}

finding refuses_pieces(const spi::recovery& scheme, std::uint64_t seed) {
  return for_each_cell_size(scheme, seed, [&](const std::string& chunk, auto& random) {
    return parts::refuse_wrong_pieces(scheme, chunk, random);
  });
}

/// All sets of losses are tried, so the chunk is small, and has a byte of each fragment all the
/// same.
finding survives_losses(const spi::recovery& scheme, std::uint64_t seed) {
  spi::random_source random{seed};
  auto chunk = properties::random_bytes(random, 1 + random.below(2'000));
  return promised::losses_are_survived(scheme, chunk, random);
}

/// What is claimed is what the default options promise, or less.
finding claims_are_promised(const spi::recovery& scheme, const std::string& survives,
                            const std::string& cost) {
  auto promised = scheme.promised();
  if (!survives.empty() && number_of(survives) > promised.survives_losses)
    return fmt::format("claims to survive {} losses and promises {}", survives,
                       promised.survives_losses);
  if (!cost.empty() && number_of(cost) < promised.storage_cost)
    return fmt::format("claims a storage cost of {} and promises {}", cost, promised.storage_cost);
  return std::nullopt;
}

/// Checks all properties of the interface, each with a part of the seeds. For schemes with other
/// options.
std::uint64_t holds_all(scheme_under_test& it, std::uint64_t part) {
  it.must(properties::has_a_layout(*it.scheme), "the layout");
  it.must(properties::has_sensible_domains(*it.scheme), "the failure domains");
  it.for_seeds(part, 50, [&](auto seed) -> finding {
    spi::random_source random{seed};
    auto wrong = properties::counts_rightly(*it.scheme, random);
    if (!wrong)
      wrong = encodes(*it.scheme, seed);
    if (!wrong)
      wrong = for_each_size(*it.scheme, seed, [&](const std::string& chunk, auto& drawn) {
        return properties::decodes_what_it_can(*it.scheme, chunk, it.survives, drawn, 40);
      });
    if (!wrong)
      wrong = reads(*it.scheme, seed);
    if (!wrong)
      wrong = refuses(*it.scheme, seed);
    if (!wrong)
      wrong = properties::encodes_by_stripes(*it.scheme, random);
    if (!wrong)
      wrong = codec::encodes_alike(it.make, seed);
    if (!wrong)
      wrong = survives_losses(*it.scheme, seed);
    return wrong ? wrong : codec::sizes_are_right(*it.scheme, seed);
  });
  it.for_seeds(2 * part, 1, [&](auto seed) -> finding {
    auto wrong = promised::cost_is_kept(*it.scheme);
    if (!wrong)
      wrong = decodes_cells(*it.scheme, seed);
    if (!wrong)
      wrong = rebuilds(*it.scheme, seed);
    if (!wrong)
      wrong = reads_at_edges(*it.scheme, seed);
    return wrong ? wrong : refuses_pieces(*it.scheme, seed);
  });
  return it.for_each_damage(part, [&](auto& model, auto& random) {
    auto wrong = properties::judges_rightly(*it.scheme, model);
    if (!wrong)
      wrong = properties::plans_by_danger(*it.scheme, model);
    if (!wrong)
      wrong = properties::plans_until_healthy(*it.scheme, model);
    return wrong ? wrong : properties::plans_without_risk(*it.scheme, model, random);
  });
}

/// The interface's promises hold with every option that the declarations allow. The plugin's claims
/// are numbers of the default options.
std::uint64_t holds_with_options(const spi::descriptor& plugin, const spi::options& base,
                                 const effort& how) {
  spi::random_source random{how.first};
  std::uint64_t cases = 0;
  for (auto& sample : option_samples(plugin, base, random)) {
    scheme_maker make = [&] {
      return std::unique_ptr<spi::recovery>{plugin.create.recovery({sample.options})};
    };
    if (is_refused(sample, make))
      continue;
    try {
      scheme_under_test varied{make, 0, how};
      cases += holds_all(varied, 20);
    } catch (const broken& wrong) {
      throw broken(fmt::format("with {}, {}", sample.name, wrong.what()));
    }
  }
  return cases;
}

void try_codec(scheme_under_test& it, const std::string& claim, recorder& out) {
  out.check("counts which fragments are enough", {}, [&] {
    return it.for_seeds(20, 50, [&](auto seed) {
      spi::random_source random{seed};
      return properties::counts_rightly(*it.scheme, random);
    });
  });
  out.check("encodes into the fragments that it says", {}, [&] {
    return it.for_seeds(20, 100, [&](auto seed) { return encodes(*it.scheme, seed); });
  });
  out.check("decodes from every set of fragments that is enough, to the same bytes", claim,
            [&] { return it.for_seeds(20, 100, [&](auto seed) { return decodes(it, seed); }); });
  out.check("encodes a chunk alike in each call and object, so that fragments mix", {}, [&] {
    return it.for_seeds(10, 200, [&](auto seed) { return codec::encodes_alike(it.make, seed); });
  });
  out.check("reads any range, and makes any part of a fragment anew, from what it names", {}, [&] {
    return it.for_seeds(10, 200, [&](auto seed) { return reads(*it.scheme, seed); });
  });
  out.check("makes of stripes what it makes of whole chunks", {}, [&] {
    it.must(properties::has_sensible_domains(*it.scheme), "the failure domains");
    return it.for_seeds(50, 20, [&](auto seed) {
      spi::random_source random{seed};
      return properties::encodes_by_stripes(*it.scheme, random);
    });
  });
  out.check("never decodes fragments of wrong lengths", {}, [&] {
    return it.for_seeds(10, 200, [&](auto seed) { return refuses(*it.scheme, seed); });
  });
  out.check("says how long fragments are, of every size", {}, [&] {
    return it.for_seeds(1, it.how.seeds,
                        [&](auto seed) { return codec::sizes_are_right(*it.scheme, seed); });
  });
  out.check("chunks around the sizes of cells and stripes, in no more scratch space than they take",
            {}, [&] {
              return it.for_seeds(50, 10,
                                  [&](auto seed) { return decodes_cells(*it.scheme, seed); });
            });
  out.check(
      "makes each lost fragment again, at once and in windows, and reads no more than enough", {},
      [&] { return it.for_seeds(50, 10, [&](auto seed) { return rebuilds(*it.scheme, seed); }); });
  out.check("reads ranges at the edges of cells, fragments and chunks", {}, [&] {
    return it.for_seeds(50, 10, [&](auto seed) { return reads_at_edges(*it.scheme, seed); });
  });
  out.check("makes nothing wrong out of pieces that are missing or cut", {}, [&] {
    return it.for_seeds(10, 100, [&](auto seed) { return refuses_pieces(*it.scheme, seed); });
  });
  out.check("chunks of several MiB", {}, [&] {
    return it.for_seeds(500, 4,
                        [&](auto seed) { return codec::handles_large_chunks(*it.scheme, seed); });
  });
}

void try_repair(scheme_under_test& it, recorder& out) {
  out.check("judges chunks as counting by hand does", {}, [&] {
    return it.for_each_damage(
        1, [&](auto& model, auto&) { return properties::judges_rightly(*it.scheme, model); });
  });
  out.check("mends the most endangered first", {}, [&] {
    return it.for_each_damage(
        1, [&](auto& model, auto&) { return properties::plans_by_danger(*it.scheme, model); });
  });
  out.check("its plans end, with every chunk healthy that isn't lost", {}, [&] {
    return it.for_each_damage(
        1, [&](auto& model, auto&) { return properties::plans_until_healthy(*it.scheme, model); });
  });
  out.check("no plan loses data when some of its steps fail", {}, [&] {
    return it.for_each_damage(1, [&](auto& model, auto& random) {
      return properties::plans_without_risk(*it.scheme, model, random);
    });
  });
  out.check("a plan for many chunks takes time in proportion", {}, [&] {
    it.must(plans::take_time_in_proportion(*it.scheme), "40,000 chunks");
    return std::uint64_t{1};
  });
  out.check("a plan for 100,000 chunks mends them all", {}, [&] {
    it.must(plans::repair_many_chunks(*it.scheme, it.how.first),
            "seed " + std::to_string(it.how.first));
    return std::uint64_t{1};
  });
}

} // namespace

std::uint64_t create_recovery(const spi::descriptor& plugin, const spi::options& options) {
  return must_be_created(plugin.create.recovery({options}));
}

void verify_recovery(const spi::descriptor& plugin, const spi::options& options, recorder& out) {
  auto& how = out.how();
  scheme_maker make = [&] {
    return std::unique_ptr<spi::recovery>{plugin.create.recovery({options})};
  };
  auto claims_count = are_defaults(plugin, options);
  auto survives = claims_count ? claim_of(plugin, "survives_losses") : "";
  auto cost = claims_count ? claim_of(plugin, "storage_cost") : "";
  scheme_under_test it{make, 0, how};
  auto seeds = std::min<std::uint64_t>(how.seeds, 20);
  auto began = std::time(nullptr);
  auto in_second_process = [&] {
    return in_other_process([&] { return codec::work_as_text(make, how.first, seeds); });
  };
  std::string first;

  out.check("its layout makes sense", {}, [&] {
    it.must(properties::has_a_layout(*it.scheme), "the layout");
    if (!survives.empty())
      it.survives = static_cast<std::uint32_t>(
          std::min<std::uint64_t>(number_of(survives), std::numeric_limits<std::uint32_t>::max()));
    return std::uint64_t{1};
  });
  if (!out.result().ok())
    return;
  if (!claims_count)
    out.skip("claims of losses and cost", "they are claimed for the default options, and these are "
                                          "others: only what the interface promises is tried");
  try_codec(it, survives.empty() ? "" : "survives_losses", out);
  out.check("survives all losses that it promises", survives.empty() ? "" : "survives_losses", [&] {
    it.must(claims_are_promised(*it.scheme, survives, {}), "the claims");
    return it.for_seeds(50, 10, [&](auto seed) { return survives_losses(*it.scheme, seed); });
  });
  out.check("stores no more than it promises", cost.empty() ? "" : "storage_cost", [&] {
    it.must(promised::cost_is_kept(*it.scheme), "a large chunk");
    it.must(claims_are_promised(*it.scheme, {}, cost), "the claims");
    return std::uint64_t{1};
  });
  out.check("a second process can use it", {}, [&] {
    first = in_second_process();
    return seeds;
  });
  try_repair(it, out);
  out.check("several threads use one object", {}, [&] {
    return it.for_seeds(200, 5,
                        [&](auto seed) { return codec::serves_several_threads(*it.scheme, seed); });
  });
  out.check("options at their limits and in between", {},
            [&] { return holds_with_options(plugin, options, how); });
  if (first.empty())
    return; // the failure of the second process is already reported
  out.check("the same answers in another process", {}, [&] {
    wait_for_another_second(began);
    if (in_second_process() != first)
      throw broken("it encodes, judges or plans otherwise in another process, a second later: it "
                   "looks at a clock, a process id or addresses, or keeps something between calls");
    return seeds;
  });
}

} // namespace atl::verify
