"""Where the people of a practice co-op come from, their names, and the co-ops they found, which are all invented."""

# ruff: noqa: RUF001 - people's names are written in many alphabets
from __future__ import annotations

from typing import NamedTuple


class Culture(NamedTuple):
    """Where a person may come from: language, time zones, given and family names, and which comes first."""

    locale: str
    zones: tuple[str, ...]
    given: tuple[str, ...]
    family: tuple[str, ...]
    family_first: bool = False


class Coop(NamedTuple):
    """An invented organisation; `culture` is where most of its people come from."""

    name: str
    culture: str
    language: str


CULTURES = {
    "aotearoa": Culture(
        "en",
        ("Pacific/Auckland", "Pacific/Chatham"),
        ("Aroha", "Tama", "Mere", "Wiremu", "Hana", "Rawiri"),
        ("Parata", "Ngata", "Wilson", "Tamihana", "Walker"),
    ),
    "britain": Culture(
        "en",
        ("Europe/London", "Europe/Dublin"),
        ("Imogen", "Rhys", "Niamh", "Callum", "Saoirse", "Gwen"),
        ("Ashworth", "Llewellyn", "Byrne", "Fairley", "Okoro"),
    ),
    "north_america": Culture(
        "en",
        ("America/New_York", "America/Vancouver", "America/St_Johns"),
        ("Dakota", "Marcus", "Leah", "Winona", "Desmond", "June"),
        ("Whitehorse", "Freeman", "Kowalczyk", "Delgado", "Chen"),
    ),
    "colombia": Culture(
        "es",
        ("America/Bogota", "America/Mexico_City", "Europe/Madrid"),
        ("Ximena", "Andrés", "Lucía", "Mateo", "Inés", "Julián"),
        ("Restrepo", "Muñoz", "Peña", "Ibáñez", "Quispe"),
    ),
    "brazil": Culture(
        "pt",
        ("America/Sao_Paulo", "America/Manaus", "Europe/Lisbon"),
        ("João", "Conceição", "Thiago", "Luíza", "Raí", "Beatriz"),
        ("Araújo", "Nascimento", "Assunção", "Teixeira", "Pires"),
    ),
    "france": Culture(
        "fr",
        ("Europe/Paris", "America/Toronto", "Africa/Dakar"),
        ("Élodie", "Mamadou", "Océane", "Loïc", "Fatou", "Benoît"),
        ("Lefèvre", "Diallo", "Girard", "N'Diaye", "Tremblay"),
    ),
    "germany": Culture(
        "de",
        ("Europe/Berlin", "Europe/Vienna", "Europe/Zurich"),
        ("Jürgen", "Annelie", "Björn", "Käthe", "Emre", "Lotte"),
        ("Großmann", "Yıldız", "Schäfer", "Brandt", "Öztürk"),
    ),
    "india": Culture(
        "en",
        ("Asia/Kolkata", "Asia/Kathmandu"),
        ("Lakshmi", "Arjun", "Meenakshi", "Farhan", "Divya", "Rohan"),
        ("Nair", "Krishnamurthy", "Shrestha", "Kaur", "Qureshi"),
    ),
    "kenya": Culture(
        "en",
        ("Africa/Nairobi", "Africa/Lagos"),
        ("Wanjiru", "Otieno", "Achieng", "Kamau", "Chidinma", "Baraka"),
        ("Mwangi", "Odhiambo", "Njoroge", "Adeyemi", "Okafor"),
    ),
    "japan": Culture(
        "ja",
        ("Asia/Tokyo",),
        ("花子", "健太", "さくら", "陽介", "美咲"),
        ("山田", "佐藤", "小林", "渡辺"),
        family_first=True,
    ),
    "vietnam": Culture(
        "vi",
        ("Asia/Ho_Chi_Minh",),
        ("Hoa", "Minh", "Thảo", "Đức", "Linh"),
        ("Nguyễn", "Trần", "Phạm", "Lê"),
        family_first=True,
    ),
    "iran": Culture("fa", ("Asia/Tehran",), ("شیرین", "کاوه", "نسرین", "آرش"), ("رضایی", "کریمی", "احمدی")),
    "ukraine": Culture(
        "uk",
        ("Europe/Kyiv",),
        ("Олена", "Тарас", "Ганна", "Богдан"),
        ("Шевчук", "Ковальчук", "Бондар"),
    ),
    "australia": Culture(
        "en",
        ("Australia/Adelaide", "Australia/Lord_Howe", "Australia/Perth"),
        ("Matilda", "Jarrah", "Bindi", "Angus"),
        ("Yunupingu", "Papadopoulos", "Harris"),
    ),
    "hungary": Culture(
        "hu",
        ("Europe/Budapest",),
        ("Zsófia", "Gergő", "Ágnes", "László"),
        ("Szabó", "Kőműves", "Tóth"),
        family_first=True,
    ),
}

COOPS = (
    Coop("Millbrook Bakers", "britain", "en"),
    Coop("Cooperativa Río Alto", "colombia", "es"),
    Coop("Kollam Coir Weavers", "india", "en"),
    Coop("Les Jardins du Vallon", "france", "fr"),
    Coop("Wohnhof Lindenwinkel", "germany", "de"),
    Coop("Harakeke Housing", "aotearoa", "en"),
    Coop("Mutirão Sol Nascente", "brazil", "pt"),
    Coop("Ngong Road Couriers", "kenya", "en"),
    Coop("Harbour Street Grocers", "north_america", "en"),
    Coop("Saltbush Solar", "australia", "en"),
)
