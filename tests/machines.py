"""Machines as folders: what their /proc, /sys and /etc say, as far as rdslab reads it."""

from collections.abc import Mapping
from pathlib import Path

CPUFREQ = "sys/devices/system/cpu/cpufreq/policy0"
NANO_RAILS = "sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0"
# Jetson Nano with JetPack 4.6.1, after jetson_clocks.
NANO = {
    "proc/device-tree/model": "NVIDIA Jetson Nano Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3449-0000-b00+p3448-0000-b00\0nvidia,jetson-nano\0nvidia,tegra210\0",
    "proc/cpuinfo": "processor\t: 0\nBogoMIPS\t: 38.40\nCPU implementer\t: 0x41\nCPU part\t: 0xd07\n",
    "proc/meminfo": "MemTotal:        4059396 kB\nMemFree:          100000 kB\n",
    "etc/nv_tegra_release": "# R32 (release), REVISION: 7.1, GCID: 29818004, BOARD: t210ref, EABI: aarch64\n",
    "etc/nvpmodel.conf": "< POWER_MODEL ID=0 NAME=MAXN >\nCPU_ONLINE CORE_0 1\n< POWER_MODEL ID=1 NAME=5W >\n",
    "var/lib/nvpmodel/status": "pmode:0001 fmode:quiet",
    "usr/local/cuda/version.json": '{\n "cuda" : {\n  "name" : "CUDA SDK",\n  "version" : "10.2.460"\n }\n}',
    "var/lib/dpkg/status": (
        "Package: libnvinfer8\nStatus: install ok installed\nPriority: optional\nVersion: 8.2.1-1+cuda10.2\n\n"
        "Package: nvidia-jetpack\nStatus: install ok installed\nSection: metapackages\nVersion: 4.6.1-b110\n"
    ),
    f"{CPUFREQ}/scaling_cur_freq": "1479000\n",
    f"{CPUFREQ}/scaling_min_freq": "1479000\n",
    f"{CPUFREQ}/scaling_max_freq": "1479000\n",
    "sys/class/devfreq/57000000.gpu/cur_freq": "921600000\n",
    "sys/class/devfreq/57000000.gpu/min_freq": "921600000\n",
    "sys/class/devfreq/57000000.gpu/max_freq": "921600000\n",
    "sys/class/devfreq/54680000.nvjpg/cur_freq": "1000\n",
    "sys/class/thermal/thermal_zone0/type": "AO-therm\n",
    "sys/class/thermal/thermal_zone0/temp": "41500\n",
    "sys/class/thermal/thermal_zone2/type": "GPU-therm\n",
    "sys/class/thermal/thermal_zone2/temp": "35000\n",
    "sys/class/thermal/thermal_zone4/type": "PMIC-Die\n",
    "sys/class/thermal/thermal_zone4/temp": "100000\n",
    "sys/class/thermal/cooling_device0/type": "gpu-balanced\n",
    "sys/class/thermal/cooling_device0/cur_state": "0\n",
    "sys/class/thermal/cooling_device1/type": "pwm-fan\n",
    "sys/class/thermal/cooling_device1/cur_state": "3\n",
    f"{NANO_RAILS}/rail_name_0": "POM_5V_IN\n",
    f"{NANO_RAILS}/in_power0_input": "4210\n",
    f"{NANO_RAILS}/rail_name_1": "POM_5V_GPU\n",
    f"{NANO_RAILS}/in_power1_input": "1200\n",
    f"{NANO_RAILS}/rail_name_2": "POM_5V_CPU\n",
    f"{NANO_RAILS}/in_power2_input": "900\n",
}

HWMON = "sys/class/hwmon/hwmon3"
# Jetson Orin Nano with JetPack 6, clocks free.
ORIN = {
    "proc/device-tree/model": "NVIDIA Jetson Orin Nano Developer Kit\0",
    "proc/device-tree/compatible": "nvidia,p3768-0000+p3767-0005\0nvidia,p3767-0005\0nvidia,tegra234\0",
    "proc/meminfo": "MemTotal:        7834000 kB\n",
    "etc/nv_tegra_release": "# R36 (release), REVISION: 3.0, GCID: 36191598, BOARD: generic, EABI: aarch64\n",
    "usr/local/cuda/version.json": '{"cuda" : {"name" : "CUDA SDK", "version" : "12.2.20231130"}}',
    "var/lib/dpkg/status": (
        "Package: libnvinfer10\nStatus: install ok installed\nVersion: 10.3.0.30-1+cuda12.5\n\n"
        "Package: nvidia-jetpack\nStatus: deinstall ok config-files\nVersion: 5.1.2-b104\n"
    ),
    f"{CPUFREQ}/scaling_cur_freq": "729600\n",
    f"{CPUFREQ}/scaling_min_freq": "729600\n",
    f"{CPUFREQ}/scaling_max_freq": "1510400\n",
    "sys/devices/system/cpu/cpufreq/policy4/scaling_cur_freq": "1510400\n",
    "sys/class/devfreq/17000000.gpu/cur_freq": "306000000\n",
    "sys/class/devfreq/17000000.gpu/min_freq": "306000000\n",
    "sys/class/devfreq/17000000.gpu/max_freq": "624750000\n",
    "sys/class/thermal/thermal_zone0/type": "cpu-thermal\n",
    "sys/class/thermal/thermal_zone0/temp": "49343\n",
    "sys/class/thermal/cooling_device0/type": "cpu-throttle-alert\n",
    "sys/class/thermal/cooling_device0/cur_state": "1\n",
    f"{HWMON}/name": "ina3221\n",
    f"{HWMON}/in1_label": "VDD_IN\n",
    f"{HWMON}/in1_input": "5024\n",
    f"{HWMON}/curr1_input": "1000\n",
    f"{HWMON}/in2_label": "VDD_CPU_GPU_CV\n",
    f"{HWMON}/in2_input": "5016\n",
    f"{HWMON}/curr2_input": "200\n",
    f"{HWMON}/in7_label": "sum of shunt voltages\n",
    f"{HWMON}/in7_input": "3\n",
    "sys/class/hwmon/hwmon2/name": "soctherm_oc\n",
    "sys/class/hwmon/hwmon2/oc3_event_cnt": "7\n",
}

# AGX Xavier's six rails, of which none supplies the others.
XAVIER_RAILS = {
    f"sys/bus/i2c/drivers/ina3221x/1-004{chip}/iio:device{chip}/{name}{channel}{ending}": text
    for chip, rails in enumerate((("GPU", "CPU", "SOC"), ("CV", "VDDRQ", "SYS5V")))
    for channel, rail in enumerate(rails)
    for name, ending, text in (("rail_name_", "", rail + "\n"), ("in_power", "_input", f"{100 * (1 + channel)}\n"))
}

RAPL = "sys/class/powercap"
# A desktop: two zones of one package, of which one is a part of the other, and the same package once more.
DESKTOP = {
    "proc/cpuinfo": "processor\t: 0\nmodel name\t: AMD Ryzen 7 5800X   8-Core Processor\n",
    "proc/meminfo": "MemTotal:       32791000 kB\n",
    f"{CPUFREQ}/scaling_cur_freq": "3800000\n",
    f"{CPUFREQ}/scaling_min_freq": "2200000\n",
    f"{CPUFREQ}/scaling_max_freq": "4850000\n",
    "sys/class/hwmon/hwmon0/name": "k10temp\n",
    "sys/class/hwmon/hwmon0/temp1_input": "45125\n",
    "sys/class/hwmon/hwmon1/name": "nvme\n",
    "sys/class/hwmon/hwmon1/temp1_input": "30850\n",
    "sys/class/thermal/cooling_device0/type": "Processor\n",
    "sys/class/thermal/cooling_device0/cur_state": "0\n",
    f"{RAPL}/intel-rapl:0/name": "package-0\n",
    f"{RAPL}/intel-rapl:0/energy_uj": "1000000\n",
    f"{RAPL}/intel-rapl:0/max_energy_range_uj": "65532610987\n",
    f"{RAPL}/intel-rapl:0:0/name": "core\n",
    f"{RAPL}/intel-rapl:0:0/energy_uj": "500000\n",
    f"{RAPL}/intel-rapl:0:1/name": "dram\n",
    f"{RAPL}/intel-rapl:0:1/energy_uj": "200000\n",
    f"{RAPL}/intel-rapl:0:1/max_energy_range_uj": "65532610987\n",
    f"{RAPL}/intel-rapl-mmio:0/name": "package-0\n",
    f"{RAPL}/intel-rapl-mmio:0/energy_uj": "1000000\n",
}


def plant(root: Path, machine: Mapping[str, str]) -> str:
    """Write a machine's files under a folder; the folder as text."""
    for name, text in machine.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return str(root)
