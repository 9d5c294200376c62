"""What the people of a practice co-op talk about, in five languages."""

from __future__ import annotations

from typing import NamedTuple


class Language(NamedTuple):
    """Phrases in one language. `titles` are by poll type; {} stands for one of the `plans`."""

    plans: tuple[str, ...]
    titles: dict[str, str]
    options: tuple[str, ...]
    remarks: tuple[str, ...]
    subgroups: tuple[str, ...]
    outcome: str
    about: str


LANGUAGES = {
    "en": Language(
        (
            "repair the workshop roof",
            "buy a second oven",
            "open on Saturdays",
            "share our van with the neighbours",
            "rewrite the house rules",
            "switch to solar power",
            "take on two apprentices",
            "plant the orchard",
            "lower the entry share",
            "move the archive",
        ),
        {
            "proposal": "Shall we {}?",
            "poll": "Who is to {}?",
            "question": "What do we need to {}?",
            "check": "Is the plan to {} ready?",
            "count": "Who helps to {}?",
            "score": "How much do we want to {}?",
            "dot_vote": "Where does the money to {} come from?",
            "ranked_choice": "Which is the best way to {}?",
            "meeting": "When do we meet to {}?",
        },
        ("This month", "Next spring", "By ourselves", "With outside help", "From the reserve"),
        (
            "I like it, and it is within the budget.",
            "Who will look after it afterwards?",
            "Could we try it for three months first?",
            "Thanks for writing this up so clearly.",
            "I talked with the neighbours; they are for it.",
            "Last year it cost us twice what we thought.",
            "Count me in.",
        ),
        ("Finance", "Garden", "Membership", "Care"),
        "Agreed: we start next week.",
        "What do you think? Please say so before the vote ends.",
    ),
    "es": Language(
        (
            "arreglar el techo del taller",
            "comprar otro horno",
            "abrir los sábados",
            "compartir la camioneta",
            "cambiar los estatutos",
            "instalar paneles solares",
            "sembrar el huerto",
        ),
        {
            "proposal": "¿Acordamos {}?",
            "poll": "¿A quién le toca {}?",
            "question": "¿Qué hace falta para {}?",
            "check": "¿Está listo el plan para {}?",
            "count": "¿Quién ayuda a {}?",
            "score": "¿Cuánto nos importa {}?",
            "dot_vote": "¿Con qué fondos vamos a {}?",
            "ranked_choice": "¿Cuál es la mejor manera de {}?",
            "meeting": "¿Cuándo nos reunimos para {}?",
        },
        ("Este mes", "En primavera", "Entre nosotras", "Con ayuda de fuera", "De la reserva"),
        (
            "Me parece bien y cabe en el presupuesto.",
            "¿Quién se encarga después?",
            "Probémoslo tres meses.",
            "Gracias por explicarlo tan bien.",
            "Cuenten conmigo.",
        ),
        ("Finanzas", "Huerto", "Acogida", "Cuidados"),
        "Acordado: empezamos la próxima semana.",
        "¿Qué les parece? Opinen antes del cierre.",
    ),
    "fr": Language(
        (
            "réparer le toit de l'atelier",
            "acheter un second four",
            "ouvrir le samedi",
            "partager la camionnette",
            "revoir les statuts",
            "passer au solaire",
            "planter le verger",
        ),
        {
            "proposal": "Faut-il {} ?",
            "poll": "À qui revient-il de {} ?",
            "question": "Que nous faut-il pour {} ?",
            "check": "Le projet de {} est-il prêt ?",
            "count": "Qui vient pour {} ?",
            "score": "À quel point voulons-nous {} ?",
            "dot_vote": "Avec quel argent allons-nous {} ?",
            "ranked_choice": "Quelle est la meilleure façon de {} ?",
            "meeting": "Quand se voir pour {} ?",
        },
        ("Ce mois-ci", "Au printemps", "Par nous-mêmes", "Avec de l'aide", "Sur la réserve"),
        (
            "D'accord, et c'est dans le budget.",
            "Qui s'en occupera ensuite ?",
            "Essayons d'abord trois mois.",
            "Merci, c'est très clair.",
            "J'en suis.",
        ),
        ("Finances", "Potager", "Accueil", "Entraide"),
        "Décidé : nous commençons la semaine prochaine.",
        "Qu'en pensez-vous ? Dites-le avant la clôture.",
    ),
    "de": Language(
        (
            "das Werkstattdach flicken",
            "einen zweiten Ofen kaufen",
            "samstags öffnen",
            "den Lieferwagen teilen",
            "die Hausordnung ändern",
            "auf Solarstrom umstellen",
            "die Streuobstwiese anlegen",
        ),
        {
            "proposal": "Wollen wir {}?",
            "poll": "Wer soll {}?",
            "question": "Was brauchen wir, wenn wir {}?",
            "check": "Können wir so {}?",
            "count": "Wer hilft, wenn wir {}?",
            "score": "Wie gern würden wir {}?",
            "dot_vote": "Mit welchem Geld wollen wir {}?",
            "ranked_choice": "Wie können wir am besten {}?",
            "meeting": "Wann treffen wir uns, wenn wir {}?",
        },
        ("Diesen Monat", "Im Frühling", "In Eigenleistung", "Mit Hilfe von außen", "Aus der Rücklage"),
        (
            "Gefällt mir, und es passt ins Budget.",
            "Wer kümmert sich danach darum?",
            "Erst einmal drei Monate auf Probe?",
            "Danke für die klare Übersicht.",
            "Ich bin dabei.",
        ),
        ("Finanzen", "Garten", "Aufnahme", "Fürsorge"),
        "Beschlossen: nächste Woche fangen wir an.",
        "Was meint ihr? Bitte vor dem Ende der Abstimmung.",
    ),
    "pt": Language(
        (
            "consertar o telhado da oficina",
            "comprar outro forno",
            "abrir aos sábados",
            "dividir a caminhonete",
            "mudar o estatuto",
            "instalar energia solar",
            "plantar o pomar",
        ),
        {
            "proposal": "Vamos {}?",
            "poll": "Quem vai {}?",
            "question": "O que falta para {}?",
            "check": "O plano para {} está pronto?",
            "count": "Quem ajuda a {}?",
            "score": "Quanto queremos {}?",
            "dot_vote": "Com que dinheiro vamos {}?",
            "ranked_choice": "Qual é a melhor forma de {}?",
            "meeting": "Quando nos reunimos para {}?",
        },
        ("Este mês", "Na primavera", "Por nossa conta", "Com ajuda de fora", "Da reserva"),
        (
            "Gostei, e cabe no orçamento.",
            "Quem cuida disso depois?",
            "Vamos testar por três meses.",
            "Obrigada, ficou muito claro.",
            "Contem comigo.",
        ),
        ("Finanças", "Horta", "Acolhida", "Cuidado"),
        "Decidido: começamos na próxima semana.",
        "O que acham? Opinem antes do fim.",
    ),
}
