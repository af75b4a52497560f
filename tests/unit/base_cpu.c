/* Instruction sets, and control group quotas read from a made-up root. */
#include "unit/test.h"

#include <ftw.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/cpu.h"

static void the_environment_lowers_the_instruction_set(void **state)
{
    (void)state;
    unsetenv("LINCE_ISA");
    enum li_isa best = li_cpu_isa();
    assert_int_equal(li_cpu_isa(), best);
    setenv("LINCE_ISA", "ref", 1);
    assert_int_equal(li_cpu_isa(), LI_ISA_REF);
    setenv("LINCE_ISA", "nonsense", 1);
    assert_int_equal(li_cpu_isa(), best);
    for (int isa = LI_ISA_REF; isa <= LI_ISA_NEON; isa++) {
        setenv("LINCE_ISA", li_isa_name((enum li_isa)isa), 1);
        assert_true(li_cpu_isa() == (enum li_isa)isa || li_cpu_isa() == best);
    }
#if defined(__x86_64__)
    setenv("LINCE_ISA", "neon", 1);
    assert_int_equal(li_cpu_isa(), best);
    if (best == LI_ISA_AVX512) {
        setenv("LINCE_ISA", "avx2", 1);
        assert_int_equal(li_cpu_isa(), LI_ISA_AVX2);
    }
#if defined(__GNUC__)
    __builtin_cpu_init();
    assert_int_equal(best != LI_ISA_REF, __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"));
#endif
#elif defined(__aarch64__)
    assert_int_equal(best, LI_ISA_NEON);
#endif
    unsetenv("LINCE_ISA");
    assert_string_equal(li_isa_name((enum li_isa)99), "unknown");
}

static void at_least_one_processor_may_be_used(void **state)
{
    (void)state;
    assert_in_range(li_cpu_count(), 1, LI_MAX_THREADS);
    assert_true(li_cpu_count() <= sysconf(_SC_NPROCESSORS_CONF));
}

/* ---- Quotas ------------------------------------------------------------------------------------------------------ */

static char root[] = "/tmp/lince-cpu-XXXXXX";

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
    (void)st, (void)type, (void)ftw;
    return remove(path);
}

static int make_root(void **state)
{
    (void)state;
    memcpy(root + sizeof root - 7, "XXXXXX", 6);
    return mkdtemp(root) ? 0 : -1;
}

static int remove_root(void **state)
{
    (void)state;
    return nftw(root, remove_one, 8, FTW_DEPTH | FTW_PHYS);
}

/* Write text to root/path, making the folders on the way. */
static void put(const char *path, const char *text)
{
    char full[512];

    snprintf(full, sizeof full, "%s%s", root, path);
    for (char *at = full + strlen(root) + 1; (at = strchr(at, '/')); at++) {
        *at = '\0';
        mkdir(full, 0700);
        *at = '/';
    }
    FILE *file = fopen(full, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static void without_groups_there_is_no_quota(void **state)
{
    (void)state;
    assert_int_equal(li_cpu_quota(root, 8), 8);
}

static void version_2_quotas_round_up(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/box\n");
    put("/sys/fs/cgroup/box/cpu.max", "max 100000\n");
    assert_int_equal(li_cpu_quota(root, 8), 8);
    put("/sys/fs/cgroup/box/cpu.max", "250000 100000\n");
    assert_int_equal(li_cpu_quota(root, 8), 3);
    assert_int_equal(li_cpu_quota(root, 2), 2);
    put("/sys/fs/cgroup/box/cpu.max", "1000 100000\n");
    assert_int_equal(li_cpu_quota(root, 8), 1);
    put("/sys/fs/cgroup/box/cpu.max", "garbage\n");
    assert_int_equal(li_cpu_quota(root, 8), 8);
}

static void a_quota_above_binds_below(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/a/b/c\n");
    put("/sys/fs/cgroup/a/b/c/cpu.max", "600000 100000\n");
    put("/sys/fs/cgroup/a/cpu.max", "200000 100000\n");
    assert_int_equal(li_cpu_quota(root, 8), 2);
}

/* Inside a container the group's path is often the host's; what is mounted is then the group itself. */
static void a_group_not_mounted_falls_back_to_the_mount(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "0::/system.slice/docker-1.scope\n");
    put("/sys/fs/cgroup/cpu.max", "400000 100000\n");
    assert_int_equal(li_cpu_quota(root, 8), 4);
}

static void version_1_quotas_count_too(void **state)
{
    (void)state;
    put("/proc/self/cgroup", "5:memory:/m\n4:cpuacct,cpu:/box\n3:cpuset:/other\n");
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "150000\n");
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_period_us", "100000\n");
    assert_int_equal(li_cpu_quota(root, 8), 2);
    put("/sys/fs/cgroup/cpu/box/cpu.cfs_quota_us", "-1\n");
    assert_int_equal(li_cpu_quota(root, 8), 8);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_lowers_the_instruction_set),
        cmocka_unit_test(at_least_one_processor_may_be_used),
        cmocka_unit_test_setup_teardown(without_groups_there_is_no_quota, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_2_quotas_round_up, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_quota_above_binds_below, make_root, remove_root),
        cmocka_unit_test_setup_teardown(a_group_not_mounted_falls_back_to_the_mount, make_root, remove_root),
        cmocka_unit_test_setup_teardown(version_1_quotas_count_too, make_root, remove_root),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
