/* What the processor can do, and how many of them this process may use. */
#include "base/base.h"

#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/cpu.h"

/* ---- Instruction sets -------------------------------------------------------------------------------------------- */

#if defined(__x86_64__)
#include <cpuid.h>

/* Which register files the system saves for us: bits 1 and 2 are SSE and AVX, 5 to 7 those of AVX-512. */
static uint64_t saved_state(void)
{
    uint32_t low, high;

    __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return (uint64_t)high << 32 | low;
}

static enum li_isa best_isa(void)
{
    const uint64_t avx_state = 0x6, avx512_state = 0xe6;
    const uint32_t leaf1 = bit_OSXSAVE | bit_AVX | bit_FMA | bit_F16C;
    const uint32_t leaf7 = bit_AVX512F | bit_AVX512BW | bit_AVX512DQ | bit_AVX512VL;
    uint32_t a, b, c, d;

    if (!__get_cpuid(1, &a, &b, &c, &d) || (c & leaf1) != leaf1) {
        return LI_ISA_REF;
    }
    uint64_t state = saved_state();
    if ((state & avx_state) != avx_state || !__get_cpuid_count(7, 0, &a, &b, &c, &d) || !(b & bit_AVX2)) {
        return LI_ISA_REF;
    }
    return (b & leaf7) == leaf7 && (state & avx512_state) == avx512_state ? LI_ISA_AVX512 : LI_ISA_AVX2;
}
#elif defined(__aarch64__)
static enum li_isa best_isa(void)
{
    return LI_ISA_NEON; /* part of the architecture */
}
#else
static enum li_isa best_isa(void)
{
    return LI_ISA_REF;
}
#endif

static const char *const isa_names[] = {
    [LI_ISA_REF] = "ref",
    [LI_ISA_AVX2] = "avx2",
    [LI_ISA_AVX512] = "avx512",
    [LI_ISA_NEON] = "neon",
};

const char *li_isa_name(enum li_isa isa)
{
    return (size_t)isa < LI_COUNT(isa_names) ? isa_names[isa] : "unknown";
}

/* Whether code for isa runs where best does. */
static bool includes(enum li_isa best, enum li_isa isa)
{
    return isa == LI_ISA_REF || isa == best || (best == LI_ISA_AVX512 && isa == LI_ISA_AVX2);
}

enum li_isa li_cpu_isa(void)
{
    enum li_isa best = best_isa();
    const char *asked = getenv("LINCE_ISA");

    for (size_t i = 0; asked && i < LI_COUNT(isa_names); i++) {
        if (strcmp(asked, isa_names[i]) == 0 && includes(best, (enum li_isa)i)) {
            return (enum li_isa)i;
        }
    }
    return best;
}

/* ---- How many ---------------------------------------------------------------------------------------------------- */

/* The affinity mask; the kernel refuses one smaller than its own, so it grows until accepted. */
static int affinity_count(void)
{
    for (int cpus = 1024; cpus <= 1 << 18; cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(cpus);
        if (!set) {
            break;
        }
        size_t size = CPU_ALLOC_SIZE(cpus);
        int count = sched_getaffinity(0, size, set) == 0 ? CPU_COUNT_S(size, set) : 0;
        CPU_FREE(set);
        if (count > 0) {
            return count;
        }
    }
    long online = sysconf(_SC_NPROCESSORS_ONLN);
    return online > 0 && online < INT_MAX ? (int)online : 1;
}

/* The first line of folder/name; false if there is none. */
static bool read_line(const char *folder, const char *name, char *line, int size)
{
    char path[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= (int)sizeof path) {
        return false;
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        return false;
    }
    bool got = fgets(line, size, file) != NULL;
    fclose(file);
    return got;
}

/* The lower of count and quota / period, rounded up; a group without a quota has a word or -1 in its place. */
static int lower(int count, const char *quota_text, const char *period_text)
{
    char *end;
    long long quota = strtoll(quota_text, &end, 10);
    long long period = strtoll(period_text ? period_text : end, NULL, 10);

    if (quota <= 0 || period <= 0) {
        return count;
    }
    long long cpus = quota / period + (quota % period != 0);
    return cpus < count ? (int)cpus : count;
}

static int group_quota(const char *folder, int count)
{
    char first[128], second[128];

    if (read_line(folder, "cpu.max", first, sizeof first)) {
        count = lower(count, first, NULL); /* version 2: "QUOTA PERIOD" or "max PERIOD" */
    }
    if (read_line(folder, "cpu.cfs_quota_us", first, sizeof first) &&
        read_line(folder, "cpu.cfs_period_us", second, sizeof second)) {
        count = lower(count, first, second);
    }
    return count;
}

/* A quota binds all groups below it: look at the group, then at each above it up to the mount. */
static int quota_upwards(const char *mount, const char *group, int count)
{
    char folder[PATH_MAX];
    size_t top = strlen(mount);
    int len = snprintf(folder, sizeof folder, "%s%s", mount, group);

    if (len < 0 || (size_t)len >= sizeof folder) {
        return count;
    }
    for (;;) {
        count = group_quota(folder, count);
        char *slash = strrchr(folder, '/');
        if (!slash || (size_t)(slash - folder) < top) {
            return count;
        }
        *slash = '\0';
    }
}

static bool has_word(const char *list, const char *word)
{
    size_t len = strlen(word);

    for (const char *at = list; (at = strstr(at, word)); at += len) {
        if ((at == list || at[-1] == ',') && (at[len] == ',' || at[len] == '\0')) {
            return true;
        }
    }
    return false;
}

/* One line of /proc/self/cgroup, "ID:CONTROLLERS:/GROUP"; version 2 has ID 0 and no controllers. */
static int line_quota(const char *root, char *line, int count)
{
    char mount[PATH_MAX];
    char *controllers = strchr(line, ':');
    char *group = controllers ? strchr(controllers + 1, ':') : NULL;

    if (!group) {
        return count;
    }
    *controllers++ = '\0';
    *group++ = '\0';
    group[strcspn(group, "\n")] = '\0';
    if (*controllers && !has_word(controllers, "cpu")) {
        return count;
    }
    const char *folder = *controllers ? "/cpu" : "";
    if (snprintf(mount, sizeof mount, "%s/sys/fs/cgroup%s", root, folder) >= (int)sizeof mount) {
        return count;
    }
    return quota_upwards(mount, group, count);
}

int li_cpu_quota(const char *root, int count)
{
    char path[PATH_MAX], line[PATH_MAX];

    if (snprintf(path, sizeof path, "%s/proc/self/cgroup", root) >= (int)sizeof path) {
        return count;
    }
    FILE *file = fopen(path, "re");
    if (!file) {
        return count;
    }
    while (fgets(line, sizeof line, file)) {
        count = line_quota(root, line, count);
    }
    fclose(file);
    return count;
}

int li_cpu_count(void)
{
    int count = li_cpu_quota("", affinity_count());

    return LI_MAX(1, LI_MIN(count, (int)LI_MAX_THREADS));
}
