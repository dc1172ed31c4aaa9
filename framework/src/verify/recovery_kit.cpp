#include "recorder.hpp"

#include <atoll/verify/recovery_properties.hpp>

#include <fmt/format.h>

#include <charconv>

/// What every recovery scheme must hold to (`atoll/spi/recovery.hpp`), and what its claims add.
namespace atl::verify {

namespace {

using properties::finding;

void must(const finding& wrong, const std::string& where) {
  if (wrong)
    throw broken(where + ": it " + *wrong);
}

std::uint64_t number_of(const std::string& text) {
  std::uint64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    throw broken("its claim '" + text + "' is no number");
  return value;
}

/// Sizes at which codes go wrong: nothing, less than a fragment each, around powers of two.
std::vector<std::size_t> sizes(spi::random_source& chance) {
  std::vector<std::size_t> all{0, 1, 2, 3, 7, 8, 15, 16, 17, 63, 64, 65, 255, 4095, 4096, 4097};
  all.push_back(1 + chance.below(100'000));
  return all;
}

std::uint64_t encodes(const spi::recovery& scheme, const effort& how) {
  std::uint64_t cases = 0;
  auto rounds = std::max<std::uint64_t>(1, how.seeds / 20);
  for (auto seed = how.first; seed < how.first + rounds; ++seed) {
    spi::random_source chance{seed};
    for (auto size : sizes(chance)) {
      auto chunk = properties::random_bytes(chance, size);
      must(properties::encodes_as_it_says(scheme, chunk),
           fmt::format("seed {}, size {}", seed, size));
      ++cases;
    }
  }
  return cases;
}

std::uint64_t decodes(const spi::recovery& scheme, std::uint64_t survives, const effort& how) {
  std::uint64_t cases = 0;
  auto rounds = std::max<std::uint64_t>(1, how.seeds / 50);
  for (auto seed = how.first; seed < how.first + rounds; ++seed) {
    spi::random_source chance{seed};
    for (auto size : sizes(chance)) {
      auto chunk = properties::random_bytes(chance, size);
      must(properties::decodes_what_it_can(scheme, chunk, static_cast<std::uint32_t>(survives),
                                           chance),
           fmt::format("seed {}, size {}", seed, size));
      ++cases;
    }
  }
  return cases;
}

/// The cost is what large chunks take, in hundredths of their size.
std::uint64_t costs(const spi::recovery& scheme, std::uint64_t claimed) {
  constexpr std::size_t size = std::size_t{1} << 20;
  std::uint64_t stored = 0;
  for (std::uint32_t index = 0; index < scheme.layout().total; ++index)
    stored += scheme.fragment_size(size, index);
  auto percent = (stored * 100 + size / 2) / size;
  if (percent > claimed)
    throw broken(fmt::format("it stores {} hundredths and claims {}", percent, claimed));
  return 1;
}

template <class Property>
std::uint64_t for_each_damage(const spi::recovery& scheme, const effort& how, Property holds) {
  for (auto seed = how.first; seed < how.first + how.seeds; ++seed) {
    spi::random_source chance{seed};
    properties::fragment_model model{scheme};
    properties::damage(model, scheme, chance, 1 + chance.below(8));
    must(holds(model, chance), fmt::format("seed {}", seed));
  }
  return how.seeds;
}

} // namespace

void verify_recovery(const spi::descriptor& it, const spi::options& options, recorder& out) {
  std::unique_ptr<spi::recovery> scheme{it.create_recovery({options})};
  auto& how = out.how();
  out.check("its layout makes sense", {}, [&] {
    must(properties::has_a_layout(*scheme), "the layout");
    return std::uint64_t{1};
  });
  if (!out.result().ok())
    return;
  out.check("encodes into the fragments that it says", {}, [&] { return encodes(*scheme, how); });
  auto survives = claim_of(it, "survives_losses");
  out.check("decodes from every set of fragments that is enough, to the same bytes",
            survives.empty() ? "" : "survives_losses",
            [&] { return decodes(*scheme, survives.empty() ? 0 : number_of(survives), how); });
  if (auto cost = claim_of(it, "storage_cost"); !cost.empty())
    out.check("stores no more than it says", "storage_cost",
              [&] { return costs(*scheme, number_of(cost)); });
  else
    out.skip("stores no more than it says", "it claims no storage_cost");
  out.check("judges chunks as counting by hand does", {}, [&] {
    return for_each_damage(*scheme, how, [&](auto& model, auto&) {
      return properties::judges_rightly(*scheme, model);
    });
  });
  out.check("mends the most endangered first", {}, [&] {
    return for_each_damage(*scheme, how, [&](auto& model, auto&) {
      return properties::plans_by_danger(*scheme, model);
    });
  });
  out.check("its plans end, with every chunk healthy that isn't lost", {}, [&] {
    return for_each_damage(*scheme, how, [&](auto& model, auto&) {
      return properties::plans_until_healthy(*scheme, model);
    });
  });
  out.check("no plan loses data when some of its steps fail", {}, [&] {
    return for_each_damage(*scheme, how, [&](auto& model, auto& chance) {
      return properties::plans_without_risk(*scheme, model, chance);
    });
  });
}

} // namespace atl::verify
